"""Where a response has thoughts: separately, in the answer's text, or not at all; pure."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Literal

from localqwq.reasoning.events import Answer, Event, Thought, ToolCall, ToolCallPart
from localqwq.reasoning.tags import Tag

ThoughtFormat = Literal["apart", "text", "hidden"]


class ThoughtFilter:
    """Puts the thoughts of one answer where its client wants them."""

    def __init__(self, wanted: ThoughtFormat) -> None:
        self._wanted = wanted
        self._open = False
        """Whether a thought is being returned as text."""

    def feed(self, events: Iterable[Event]) -> list[Event]:
        """Return the events as the client sees them; token counts are preserved."""
        if self._wanted == "apart":
            return list(events)
        return [told for event in events for told in self._told(event)]

    def _told(self, event: Event) -> list[Event]:
        if isinstance(event, Thought):
            if self._wanted == "hidden":
                return [Thought("", event.tokens)]
            opening = "" if self._open else f"{Tag.THINK_OPEN.value}\n"
            self._open = True
            return [Answer(opening + event.text, event.tokens, event.logprobs)]
        if self._open and isinstance(event, Answer | ToolCall | ToolCallPart):
            self._open = False
            closing = f"\n{Tag.THINK_CLOSE.value}\n\n"
            if isinstance(event, Answer):
                return [replace(event, text=closing + event.text)]
            return [Answer(closing, 0), event]
        return [event]
