"""Noticing prompts that would have been in the KV cache, but for a change near their beginning."""

import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence

from localqwq.errors import LocalqwqError
from localqwq.reasoning.beginnings import common_length
from localqwq.reasoning.events import Event, Finish
from localqwq.server.http.counts import Counts
from localqwq.server.http.errors import InvalidRequestError
from localqwq.server.http.prefix_loss import Part, PrefixLoss, alike, parts_of, prefix_loss
from localqwq.server.http.request_log import LOGGER
from localqwq.server.http.schema import ChatRequest

_PROMPTS = 8
"""Maximum prompts that are remembered: of several programs at once."""
_CHARACTERS = 8 << 20
"""Maximum characters of these."""
_LEAST_READ = 64
"""Tokens; if fewer were read, the cache had the prompt from elsewhere."""

TokensOf = Callable[[str], Awaitable[Sequence[int]]]
"""Returns the tokens of a text; raises ``InvalidRequestError`` or ``LocalqwqError``."""


class Prefixes:
    """The latest prompts of an engine."""

    def __init__(self, counts: Counts, tokens_of: TokensOf) -> None:
        """Set up; ``counts`` are told of each loss, ``tokens_of`` finds its place."""
        self._counts = counts
        self._tokens_of = tokens_of
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

    async def told(self, loss: PrefixLoss | None, events: Sequence[Event]) -> None:
        """Count and log a loss at the end of its turn, if the prompt was really read again."""
        if loss is None or not (events and isinstance(end := events[-1], Finish)):
            return
        read = end.usage.prompt_tokens - end.usage.cached_tokens
        if read >= _LEAST_READ:
            self._counts.prefixes_lost[(loss.kind, loss.cause)] += 1
            if LOGGER.isEnabledFor(logging.INFO):
                LOGGER.info("%s", loss.sentence(read, await self._place(loss)))

    async def _place(self, loss: PrefixLoss) -> int:
        """Return the first token that changed, counted from 1; 0 if that cannot be found out."""
        if not loss.at:
            return 0  # all of the part
        try:
            before, now = [await self._tokens_of(text) for text in loss.texts]
        except (InvalidRequestError, LocalqwqError):  # such as an engine that has just ended
            return 0
        return common_length(before, now) + 1
