"""From tokens to thought, answer and tool calls: a pure state machine.

Tokens decide: a tag is a tag when its token is the tag's own. The same characters made of ordinary
tokens are text. Where a tag makes no sense (a second ``<think>``, a stray ``</tool_call>``), it is
text as well, so that a model that talks about the tags is shown in full.
"""

import json
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from localqwq.reasoning.events import Answer, Thought, ToolCall

Piece = Thought | Answer | ToolCall


@dataclass(frozen=True, slots=True)
class Tags:
    """Token ids of the tags; ``None`` where the vocabulary has no such token."""

    think_open: int | None = None
    think_close: int | None = None
    call_open: int | None = None
    call_close: int | None = None


class _State(Enum):
    THOUGHT = auto()
    ANSWER = auto()
    CALL = auto()


def starts_in_thought(
    prompt: Sequence[int], think_open: int | None, think_close: int | None, ends: Collection[int]
) -> bool:
    """Whether generation begins inside a thought, because the template opened one.

    ``ends`` are the tokens that end a turn: tags before the last one belong to earlier turns.
    """
    for token in reversed(prompt):
        if token == think_close or token in ends:
            return False
        if token == think_open:
            return True
    return False


class Parser:
    """Sorts generated tokens into events.

    The events' token counts add up: those of all ``Thought`` events are ``reasoning_tokens``, with
    the tags in them, and those of all events are ``completion_tokens``. An event with empty text
    only brings its count. Newlines around the thought and around the answer are left out.
    """

    def __init__(self, tags: Tags, in_thought: bool) -> None:
        """``in_thought``: the prompt ends inside a thought, see :func:`starts_in_thought`."""
        self.reasoning_tokens = 0
        self.completion_tokens = 0
        self._tags = tags
        self._special = {id_ for id_ in (tags.think_open, tags.think_close) if id_ is not None}
        if tags.call_open is not None and tags.call_close is not None:
            self._special |= {tags.call_open, tags.call_close}
        self._state = _State.THOUGHT if in_thought else _State.ANSWER
        self._opens_thought = not in_thought  # only before any text, and only once
        self._blank = True  # nothing of the present thought or answer has been handed on
        self._newlines = ""  # held back: they count only when text follows
        self._pending = 0  # tokens that no event has brought yet
        self._opening = ""  # the text of <tool_call>, for a call that turns out not to be one
        self._body = ""

    def feed(self, token: int, text: str) -> list[Piece]:
        """Events of the next token; ``text`` is what it adds, empty inside a character."""
        self.completion_tokens += 1
        self._pending += 1
        if self._state is _State.THOUGHT:
            self.reasoning_tokens += 1
        if token in self._special:
            return self._tag(token, text)
        return self._text(text)

    def flush(self) -> list[Piece]:
        """What is still held back when generation ends, and the tokens not yet counted."""
        events = self._end_call("") if self._state is _State.CALL else []
        return events + self._count()

    def _text(self, text: str) -> list[Piece]:
        if self._state is not _State.CALL:
            return self._hand_on(text)
        self._body += text
        body = self._body.lstrip()
        if body and not body.startswith("{"):
            return self._spill("")
        return []

    def _tag(self, token: int, text: str) -> list[Piece]:
        tags = self._tags
        match self._state:
            case _State.THOUGHT if token == tags.think_close:
                return self._end_thought()
            case _State.THOUGHT if token == tags.think_open and self._blank:
                return []  # opened by the template and once more by the model
            case _State.ANSWER if token == tags.think_open and self._opens_thought:
                self._opens_thought = False
                self.reasoning_tokens += self._pending
                self._newlines = ""
                self._state = _State.THOUGHT
                return []
            case _State.ANSWER if token == tags.call_open:
                self._state, self._opening, self._body = _State.CALL, text, ""
                return []
            case _State.CALL if token == tags.call_close:
                return self._end_call(text)
        return self._text(text)

    def _end_thought(self) -> list[Piece]:
        events = self._count()
        self._state, self._blank, self._newlines = _State.ANSWER, True, ""
        return events

    def _count(self) -> list[Piece]:
        """An event for tokens that brought no text."""
        return [self._event("")] if self._pending else []

    def _event(self, text: str) -> Piece:
        kind = Thought if self._state is _State.THOUGHT else Answer
        event = kind(text, self._pending)
        self._pending = 0
        return event

    def _hand_on(self, text: str) -> list[Piece]:
        if self._blank:
            text = text.lstrip("\n")
        kept = text.rstrip("\n")
        if not kept:
            self._newlines += text
            return []
        event = self._event(self._newlines + kept)
        self._newlines, self._blank, self._opens_thought = text[len(kept) :], False, False
        return [event]

    def _end_call(self, closing: str) -> list[Piece]:
        call = _parse_call(self._body)
        if call is None:
            return self._spill(closing)
        self._state = _State.ANSWER
        return [*self._count(), call]

    def _spill(self, closing: str) -> list[Piece]:
        """What looked like a call is none: all of it is answer."""
        self._state = _State.ANSWER
        return self._hand_on(self._opening + self._body + closing)


def _parse_call(body: str) -> ToolCall | None:
    """The call that the JSON text names, or ``None`` where it is malformed."""
    try:
        # Models write line breaks into strings, which strict JSON forbids.
        call = json.loads(body, strict=False)
        arguments = call.get("arguments", {})
        if isinstance(arguments, str):
            arguments = json.loads(arguments, strict=False)
        name = call["name"]
    except (ValueError, KeyError, AttributeError, RecursionError):
        return None
    if not isinstance(name, str) or not name or not isinstance(arguments, dict):
        return None
    return ToolCall(f"call_{uuid.uuid4().hex}", name, json.dumps(arguments, ensure_ascii=False))
