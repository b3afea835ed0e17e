"""Statistics of the server since it started."""

from collections import Counter
from dataclasses import dataclass, field

from localqwq.reasoning.events import Finish


@dataclass(slots=True)
class Counts:
    """Sums over all generations, updated at a generation's end so that tokens stay cheap."""

    prompt_tokens: int = 0
    """Processed prompt tokens, without reused ones."""
    cached_tokens: int = 0
    """Prompt tokens found in the KV cache."""
    generated_tokens: int = 0
    """Generated tokens, including thoughts."""
    reasoning_tokens: int = 0
    prompt_seconds: float = 0.0
    generation_seconds: float = 0.0
    finished: Counter[str] = field(default_factory=Counter)
    """Generations by finish reason."""
    failed: int = 0
    """Generations that ended with an error."""
    tools_left_out: Counter[str] = field(default_factory=Counter)
    """Requests in which a tool that only the API's provider has was left out, by its name."""
    responses: Counter[int] = field(default_factory=Counter)
    """HTTP responses by status."""

    def add(self, finish: Finish) -> None:
        """Count a finished generation."""
        usage, timings = finish.usage, finish.timings
        read = usage.prompt_tokens - usage.cached_tokens
        self.prompt_tokens += read
        self.cached_tokens += usage.cached_tokens
        self.generated_tokens += usage.completion_tokens
        self.reasoning_tokens += usage.reasoning_tokens
        if timings.prompt_tps > 0:
            self.prompt_seconds += read / timings.prompt_tps
        if timings.generate_tps > 0:
            # The rate excludes the first token, which comes with the prompt.
            self.generation_seconds += (usage.completion_tokens - 1) / timings.generate_tps
        self.finished[finish.reason] += 1
