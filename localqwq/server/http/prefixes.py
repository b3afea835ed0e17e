"""Noticing prompts that would have been in the KV cache, but for a change near their beginning."""

from collections import deque
from collections.abc import Sequence

from localqwq.reasoning.events import Event, Finish
from localqwq.server.http.counts import Counts
from localqwq.server.http.prefix_loss import Part, PrefixLoss, alike, parts_of, prefix_loss
from localqwq.server.http.request_log import LOGGER
from localqwq.server.http.schema import ChatRequest

_PROMPTS = 8
"""Maximum prompts that are remembered: of several programs at once."""
_CHARACTERS = 8 << 20
"""Maximum characters of these."""
_LEAST_READ = 64
"""Tokens; if fewer were read, the cache had the prompt from elsewhere."""


class Prefixes:
    """The latest prompts of an engine."""

    def __init__(self, counts: Counts) -> None:
        """Set up; ``counts`` are told of each loss."""
        self._counts = counts
        self._prompts: deque[Sequence[Part]] = deque(maxlen=_PROMPTS)

    def noted(self, request: ChatRequest) -> PrefixLoss | None:
        """Remember a request's prompt; return what it lost, compared with the one closest to it."""
        now = parts_of(request.template_messages(), request.template_tools())
        closest = max(self._prompts, key=lambda before: alike(before, now), default=None)
        loss = None if closest is None else prefix_loss(closest, now)
        self._prompts.append(now)
        while sum(len(part.text) for prompt in self._prompts for part in prompt) > _CHARACTERS:
            self._prompts.popleft()
        return loss

    def told(self, loss: PrefixLoss | None, events: Sequence[Event]) -> None:
        """Count and log a loss at the end of its turn, if the prompt was really read again."""
        if loss is None or not (events and isinstance(end := events[-1], Finish)):
            return
        read = end.usage.prompt_tokens - end.usage.cached_tokens
        if read >= _LEAST_READ:
            self._counts.prefixes_lost[(loss.kind, loss.cause)] += 1
            LOGGER.info("%s", loss.sentence(read))
