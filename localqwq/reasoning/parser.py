"""Parsing tokens into thought, answer and tool calls: a pure state machine.

Tokens decide: a tag is a tag only if it is the tag's own token. The same characters made of
ordinary tokens are text. Only tags for which the vocabulary has no token are searched for in the
text. A tag that makes no sense (a second ``<think>``, a stray ``</tool_call>``) is text as well, so
that a model that talks about the tags is shown in full. A ``</think>`` that nothing opened can be
taken for the end of a thought that began with the text.

A call is reported in parts while it is generated, once its name is known and its arguments have
begun (see :mod:`localqwq.reasoning.calls`); the whole call follows at its end, with the same id and
the same arguments. A body in another order is held back to its end. Text that looked like a call
and is not one becomes text, if none of it was reported before; a reported call whose arguments turn
out not to be a JSON object, because they were cut off or are malformed, stays as the reported
parts. Calls within a thought are part of it; if the model ends its turn there, they are reported at
the end.
"""

import uuid
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Literal

from localqwq.reasoning.calls import (
    CallFormat,
    CallReader,
    argument_schemas,
    call_in_json,
    call_in_xml,
    is_json_object,
    listed_calls,
    may_be_bare_call,
)
from localqwq.reasoning.events import Answer, Reclassified, Thought, ToolCall, ToolCallPart
from localqwq.reasoning.messages import Tool
from localqwq.reasoning.tags import Closing, FoundTag, Tag, TagFinder

Piece = Thought | Answer | Reclassified | ToolCallPart | ToolCall
Place = Literal["thought", "answer", "call"]
_FUNCTION_TAG = "<function="


@dataclass(frozen=True, slots=True)
class Tags:
    """Token ids of the tags; ``None`` if the vocabulary has no such token."""

    think_open: int | None = None
    think_close: int | None = None
    call_open: int | None = None
    call_close: int | None = None

    def by_id(self) -> dict[int, Tag]:
        """Tags by token id; those of a call only in pairs."""
        pairs = [(self.think_open, Tag.THINK_OPEN), (self.think_close, Tag.THINK_CLOSE)]
        if self.call_open is not None and self.call_close is not None:
            pairs += [(self.call_open, Tag.CALL_OPEN), (self.call_close, Tag.CALL_CLOSE)]
        return {token: tag for token, tag in pairs if token is not None}


class _State(Enum):
    THOUGHT = auto()
    ANSWER = auto()
    CALL = auto()


def starts_in_thought(
    prompt: Sequence[int], think_open: int | None, think_close: int | None, ends: Collection[int]
) -> bool:
    """Return whether generation begins inside a thought, because the template opened one.

    ``ends`` are the tokens that end a turn: tags before the last one belong to earlier turns.
    """
    for token in reversed(prompt):
        if token == think_close or token in ends:
            return False
        if token == think_open:
            return True
    return False


def text_starts_in_thought(prompt: str) -> bool:
    """Do the same as :func:`starts_in_thought` for a vocabulary without tags, from the rendered
    prompt.
    """
    return prompt.rstrip().endswith(Tag.THINK_OPEN.value)


class Parser:
    """Sort generated tokens into events.

    The events' token counts add up: those of all ``Thought`` events are ``reasoning_tokens``,
    including the tags, and those of all events are ``completion_tokens``. An event with empty text
    only carries its count. Newlines around the thought and around the answer are left out; if the
    thought was ended by text, so is all white space before the answer.
    """

    def __init__(
        self,
        tags: Tags,
        in_thought: bool,
        text_tags: Collection[Tag] = (),
        written: str = "",
        *,
        may_be_opened: bool = False,
        calls: CallFormat = "tagged",
        tools: Sequence[Tool] = (),
    ) -> None:
        """Set up; ``in_thought``: the prompt ends inside a thought, see :func:`starts_in_thought`.

        ``text_tags`` are searched for in the text. ``written``: the part of the thought or answer
        in the prompt; it is not reported again. ``may_be_opened``: the prompt may end inside a
        thought all the same, as a closing tag would show; for text alone. ``calls``: how the model
        writes calls of ``tools``; calls with tags are always parsed.
        """
        self.reasoning_tokens = 0
        self.completion_tokens = 0
        self._tags = tags.by_id()
        self._finder = TagFinder(text_tags) if text_tags else None
        self._may_be_opened = may_be_opened
        self._after_tag = False  # a thought was ended by a tag in the text
        self._enter(_State.THOUGHT if in_thought else _State.ANSWER)
        # Only before any text, and only once.
        self._opens_thought = not in_thought and not written
        self._blank = not written.strip("\n")  # nothing of the thought or answer has been reported
        self._space = ""  # held back: it counts only when text follows
        self._pending = 0  # tokens that no event has carried yet
        self._opening = ""  # the text of <tool_call>, for a call that turns out not to be one
        self._body: list[str] = []  # of the call, joined only at its end
        self._body_begun = False  # contains something other than white space
        self._reader = CallReader()
        self._call_id = ""
        self._bare_calls, self._bare = calls == "bare", False
        self.lists_calls = False
        """Whether the current calls are written as a list, as by DeepSeek's R1."""
        self._types = {tool["function"]["name"]: argument_schemas(tool) for tool in tools}
        self._text_only = False
        # Within the thought: the call being written, and the complete ones.
        self._thought_call: list[str] | None = None
        self._thought_calls: list[tuple[str, str]] = []
        if self._finder is not None:
            self._finder.skip(written)

    def feed(self, token: int, text: str) -> list[Piece]:
        """Return the events of the next token; ``text`` is what it adds, empty inside a
        character.
        """
        self.completion_tokens += 1
        self._pending += 1
        if self._state is _State.THOUGHT:
            self.reasoning_tokens += 1
        tag = self._tags.get(token)
        if self._finder is None:
            return self._text(text) if tag is None else self._tag(tag, text)
        if tag is None:
            return self._find(self._finder.feed(text))
        events = self._find(self._finder.flush(ended=False))
        self._finder.forget()
        return events + self._tag(tag, text)

    @property
    def place(self) -> Place:
        """What the next token belongs to."""
        match self._state:
            case _State.THOUGHT:
                return "thought"
            case _State.ANSWER:
                return "answer"
            case _State.CALL:
                return "call"

    @property
    def blank(self) -> bool:
        """Whether nothing of the current thought or answer is written yet, except newlines."""
        return self._blank

    @property
    def held(self) -> str:
        """Text at the end that may become a tag."""
        return "" if self._finder is None else self._finder.held

    @property
    def body(self) -> str:
        """The text of the current call, without its tags."""
        return "".join(self._body)

    @property
    def thinking(self) -> bool:
        """Whether the next token belongs to the thought."""
        return self._state is _State.THOUGHT

    @property
    def may_think(self) -> bool:
        """Whether there is a thought, or one can still be opened."""
        return self._state is _State.THOUGHT or self._opens_thought

    def expect_close(self) -> None:
        """Treat the next closing tag as one, even if it looks quoted."""
        if self._finder is not None:
            self._finder.leave_quotes()

    def expect_text(self) -> None:
        """Treat everything to come as answer: tags in it are text."""
        self._text_only = True

    def flush(self, *, ended: bool = True) -> list[Piece]:
        """Return what is held back when generation ends, and the tokens not yet counted.

        ``ended``: whether the model ended it, rather than a limit or a person.
        """
        found = self._finder.flush(ended=ended) if self._finder is not None else ()
        events = self._find(found)
        if self._state is _State.CALL:
            events += self._end_listed_calls("") if self.lists_calls else self._end_call("")
        if self._blank and not self._after_tag and (blanks := self._space.strip("\n")):
            events.append(self._event(blanks))
        return events + self._count() + self._calls_of_thought(ended=ended)

    def _calls_of_thought(self, *, ended: bool) -> list[Piece]:
        """Return the calls in a thought in which the model ended its turn: it meant to make
        them.
        """
        if not ended or self._state is not _State.THOUGHT:
            return []
        return [ToolCall(f"call_{uuid.uuid4().hex}", *call) for call in self._thought_calls]

    def _enter(self, state: _State) -> None:
        self._state = state
        if self._finder is not None:
            maybe = Closing.PEEKED if self._may_be_opened else Closing.TEXT
            self._finder.closing = Closing.AWAITED if state is _State.THOUGHT else maybe

    def _find(self, found: Iterable[str | FoundTag]) -> list[Piece]:
        events: list[Piece] = []
        for part in found:
            if isinstance(part, str):
                events += self._text(part)
            elif self._state is _State.CALL and not self.lists_calls and self._reader.in_string:
                events += self._text(part.text)  # an argument that mentions the tag
            else:
                thinking = self._state is _State.THOUGHT or self._may_be_opened
                events += self._tag(part.tag, part.text)
                if part.tag is Tag.THINK_CLOSE and thinking and not self._text_only:
                    self._after_tag = True
        return events

    def _text(self, text: str) -> list[Piece]:
        if self._state is _State.CALL and self._bare:
            return self._bare_text(text)
        if self._state is _State.ANSWER and self._blank and self._bare_calls:
            begin = (self._space + text).lstrip(" \n\t;" if self._bare else None)
            if begin.startswith("{"):
                self._space = ""
                self._begin_call("", bare=True)
                return self._bare_text(begin)
            if not begin:
                self._space += text
                return []
        if self._state is not _State.CALL:
            if self._may_be_opened and Tag.THINK_OPEN.value in text.lower():
                self._tell_of_tags()
            return self._hand_on(text)
        self._body.append(text)
        if self.lists_calls:
            return []
        if not self._body_begun and (begin := text.lstrip()):
            self._body_begun = True
            if not begin.startswith("{") and not _FUNCTION_TAG.startswith(begin[:10]):
                return self._spill("")
        return self._read(text)

    def _bare_text(self, text: str) -> list[Piece]:
        """Handle the next text of a call without tags, up to its last bracket, and what follows."""
        reader, known = self._reader, self._reader.name
        arguments: list[str] = []
        end = 0
        while end < len(text) and not reader.complete:
            arguments.append(reader.feed(text[end]))
            end += 1
        self._body.append(text[:end])
        unknown = reader.name not in (None, *self._types)
        if unknown or (reader.name is None and not may_be_bare_call(self.body)):
            return self._spill(text[end:])
        events: list[Piece] = []
        if reader.name is not None:
            events += [] if known else [self._part(reader.name, "")]
            events += [self._part("", told)] if (told := "".join(arguments)) else []
        if reader.complete:
            events += self._end_call("")
            events += self._text(text[end:]) if text[end:] else []
        return events

    def _read(self, text: str) -> list[Piece]:
        """Return the parts of the call that the next piece of its body makes known."""
        reader, known = self._reader, self._reader.name
        arguments = reader.feed(text)
        if reader.name is None:
            return []
        events: list[Piece] = [] if known else [self._part(reader.name, "")]
        return [*events, self._part("", arguments)] if arguments else events

    def _part(self, name: str, arguments: str) -> ToolCallPart:
        part = ToolCallPart(self._call_id, name, arguments, self._pending)
        self._pending = 0
        return part

    def _tag(self, tag: Tag, text: str) -> list[Piece]:
        if self._text_only:
            return self._text(text)
        match self._state, tag:
            case _State.THOUGHT, Tag.THINK_CLOSE:
                return self._end_thought()
            case _State.THOUGHT, Tag.THINK_OPEN if self._blank:
                return []  # opened by the template and again by the model
            case _State.ANSWER, Tag.THINK_OPEN if self._opens_thought:
                self._opens_thought = self._may_be_opened = False
                self.reasoning_tokens += self._pending
                self._space = ""
                self._enter(_State.THOUGHT)
                return []
            case _State.ANSWER, Tag.THINK_OPEN:
                self._tell_of_tags()
            case _State.ANSWER, Tag.THINK_CLOSE if self._may_be_opened:
                return [Reclassified("thought"), *self._end_thought()]
            case _State.ANSWER, Tag.CALL_OPEN:
                self._begin_call(text)
                return []
            case _State.ANSWER, Tag.CALLS_OPEN:
                self._begin_call(text, listed=True)
                return []
            case _State.CALL, Tag.CALLS_CLOSE if self.lists_calls:
                return self._end_listed_calls(text)
            case _State.CALL, Tag.CALL_CLOSE if not (self._bare or self.lists_calls):
                return self._end_call(text)
            case _State.THOUGHT, Tag.CALL_OPEN:
                events, self._thought_call = self._text(text), []
                return events
            case _State.THOUGHT, Tag.CALL_CLOSE if self._thought_call is not None:
                if (call := call_in_json("".join(self._thought_call))) is not None:
                    self._thought_calls.append(call)
                self._thought_call = None
        return self._text(text)

    def _begin_call(self, opening: str, *, bare: bool = False, listed: bool = False) -> None:
        self._enter(_State.CALL)
        self._opening, self._bare, self.lists_calls = opening, bare, listed
        self._body, self._body_begun = [], False
        self._reader = CallReader("parameters" if bare else "arguments")
        self._call_id = f"call_{uuid.uuid4().hex}"

    def _tell_of_tags(self) -> None:
        """Note that the answer mentions an opening tag: the next closing one belongs to it."""
        self._may_be_opened = False
        self._enter(self._state)

    def _end_thought(self) -> list[Piece]:
        events = self._count()
        self._may_be_opened = self._opens_thought = False
        self._thought_call, self._thought_calls = None, []  # they were only thought about
        self._blank, self._space = True, ""
        self._enter(_State.ANSWER)
        return events

    def _count(self) -> list[Piece]:
        """Return an event for tokens without text."""
        return [self._event("")] if self._pending else []

    def _event(self, text: str) -> Piece:
        kind = Thought if self._state is _State.THOUGHT else Answer
        event = kind(text, self._pending)
        self._pending = 0
        return event

    def _hand_on(self, text: str) -> list[Piece]:
        if self._thought_call is not None:
            self._thought_call.append(text)
        text, self._space = self._space + text, ""
        may_be_dropped = self._state is not _State.THOUGHT and self._blank_is_dropped
        if self._blank:
            text = text.lstrip(None if may_be_dropped and self._after_tag else "\n")
        kept = "" if may_be_dropped and not text.strip() else text.rstrip("\n")
        self._space = text[len(kept) :]
        if not kept:
            return []
        self._blank = self._opens_thought = False
        return [self._event(kept)]

    @property
    def _blank_is_dropped(self) -> bool:
        """Return whether white space is held back: a following tag or text may drop it."""
        return self._blank and (self._opens_thought or self._after_tag)

    def _end_call(self, closing: str) -> list[Piece]:
        if self._reader.name is not None:
            return self._end_told_call(self._reader.name, self._reader.arguments)
        body = self.body
        call = call_in_json(body) or call_in_xml(body, self._types)
        # Without tags, only what cannot be any other object is a call.
        if call is None or (self._bare and not self._is_certain(body, call[0])):
            return self._spill(closing)
        self._enter(_State.ANSWER)
        return [*self._count(), ToolCall(self._call_id, *call)]

    def _end_listed_calls(self, closing: str) -> list[Piece]:
        calls = listed_calls(self.body)
        if not calls:
            return self._spill(closing)
        self._enter(_State.ANSWER)
        told = [ToolCall(f"call_{uuid.uuid4().hex}", *call) for call in calls]
        return [*self._count(), *told]

    def _is_certain(self, body: str, name: str) -> bool:
        return name in self._types and ('"parameters"' in body or '"arguments"' in body)

    def _end_told_call(self, name: str, arguments: str) -> list[Piece]:
        events: list[Piece] = [self._part("", "")] if self._pending else []
        if self._reader.arguments_closed and is_json_object(arguments):
            events.append(ToolCall(self._call_id, name, arguments))
        self._enter(_State.ANSWER)
        return events

    def _spill(self, closing: str) -> list[Piece]:
        """Turn what looked like a call into answer."""
        self._enter(_State.ANSWER)
        return self._hand_on(self._opening + "".join(self._body) + closing)
