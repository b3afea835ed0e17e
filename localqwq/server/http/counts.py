"""What a server has done since it started."""

from collections import Counter
from dataclasses import dataclass, field

from localqwq.reasoning.events import Finish


@dataclass(slots=True)
class Counts:
    """Sums over all generations. They are taken at a generation's end, so that no token pays."""

    prompt_tokens: int = 0
    """Those that were read, without the reused ones."""
    cached_tokens: int = 0
    """Prompt tokens that were found in the KV cache."""
    generated_tokens: int = 0
    """Thoughts included."""
    reasoning_tokens: int = 0
    prompt_seconds: float = 0.0
    generation_seconds: float = 0.0
    finished: Counter[str] = field(default_factory=Counter)
    """Generations by the reason of their end."""
    failed: int = 0
    """Generations that ended with an error."""
    responses: Counter[int] = field(default_factory=Counter)
    """HTTP responses by status."""

    def add(self, finish: Finish) -> None:
        """Count a generation that has ended."""
        usage, timings = finish.usage, finish.timings
        read = usage.prompt_tokens - usage.cached_tokens
        self.prompt_tokens += read
        self.cached_tokens += usage.cached_tokens
        self.generated_tokens += usage.completion_tokens
        self.reasoning_tokens += usage.reasoning_tokens
        if timings.prompt_tps > 0:
            self.prompt_seconds += read / timings.prompt_tps
        if timings.generate_tps > 0:
            # The rate leaves out the first token, which comes with the prompt.
            self.generation_seconds += (usage.completion_tokens - 1) / timings.generate_tps
        self.finished[finish.reason] += 1
