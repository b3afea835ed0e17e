"""Statistics of the server since it started."""

from collections import Counter
from dataclasses import dataclass, field

from localqwq.reasoning.events import Finish
from localqwq.server.http.accounts import generation_seconds, prompt_seconds


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
    prefixes_lost: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Prompts that were read again because something near their beginning changed, by its place
    and its kind.
    """
    responses: Counter[int] = field(default_factory=Counter)
    """HTTP responses by status."""

    def add(self, finish: Finish) -> None:
        """Count a finished generation."""
        usage = finish.usage
        self.prompt_tokens += usage.prompt_tokens - usage.cached_tokens
        self.cached_tokens += usage.cached_tokens
        self.generated_tokens += usage.completion_tokens
        self.reasoning_tokens += usage.reasoning_tokens
        self.prompt_seconds += prompt_seconds(finish)
        self.generation_seconds += generation_seconds(finish)
        self.finished[finish.reason] += 1
