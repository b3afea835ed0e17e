"""A turn's events as blocks that follow each other: thoughts, texts and calls; pure.

The newer APIs stream such blocks one after the other, each with a beginning and an end.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from localqwq.reasoning.events import (
    Answer,
    Event,
    Finish,
    PromptProgress,
    Thought,
    ToolCall,
    ToolCallPart,
)

BlockKind = Literal["thought", "text", "call"]


@dataclass(frozen=True, slots=True)
class Block:
    """What a block is."""

    index: int
    """Its place in the turn, from 0."""
    kind: BlockKind
    id: str = ""
    """Of a call."""
    name: str = ""
    """The called function."""


@dataclass(frozen=True, slots=True)
class BlockBegun:
    """A block begins."""

    block: Block


@dataclass(frozen=True, slots=True)
class BlockGrown:
    """A piece of the current block's text, or of a call's arguments."""

    block: Block
    text: str


@dataclass(frozen=True, slots=True)
class BlockEnded:
    """The current block ends."""

    block: Block
    text: str
    """All of its text."""


BlockEvent = BlockBegun | BlockGrown | BlockEnded


class BlockReader:
    """Turns the events of one turn into blocks; text without a break is one block.

    A call that was cut off is included as far as it went.
    """

    def __init__(self) -> None:
        self._block: Block | None = None
        self._count = 0
        self._pieces: list[str] = []

    def feed(self, events: Iterable[Event]) -> list[BlockEvent]:
        """Return what simultaneous events begin, continue and end."""
        return [told for event in joined(events) for told in self._told(event)]

    def _told(self, event: Event) -> Iterator[BlockEvent]:
        match event:
            case Thought(text) if text:
                yield from self._grow("thought", "", "", text)
            case Answer(text) if text:
                yield from self._grow("text", "", "", text)
            case ToolCallPart(id_, name, arguments):
                yield from self._grow("call", id_, name, arguments)
            case ToolCall(id_, name, arguments):
                if not self._is_open("call", id_):
                    yield from self._grow("call", id_, name, arguments)
                yield from self._end()
            case Finish():
                yield from self._end()

    def _is_open(self, kind: BlockKind, id_: str) -> bool:
        return self._block is not None and (self._block.kind, self._block.id) == (kind, id_)

    def _grow(self, kind: BlockKind, id_: str, name: str, text: str) -> Iterator[BlockEvent]:
        if not self._is_open(kind, id_):
            yield from self._end()
            self._block = Block(self._count, kind, id_, name)
            self._count += 1
            yield BlockBegun(self._block)
        assert self._block is not None
        if text:
            self._pieces.append(text)
            yield BlockGrown(self._block, text)

    def _end(self) -> Iterator[BlockEvent]:
        if self._block is not None:
            yield BlockEnded(self._block, "".join(self._pieces))
            self._block = None
            self._pieces.clear()


def whole_blocks(events: Iterable[Event]) -> list[BlockEnded]:
    """Return all blocks of a whole turn."""
    return [told for told in BlockReader().feed(events) if isinstance(told, BlockEnded)]


def arguments_object(arguments: str) -> dict[str, Any]:
    """Return a call's arguments; those that were cut off have the form that Anthropic advises."""
    try:
        value = json.loads(arguments or "{}", strict=False)
    except ValueError:
        value = None
    return value if isinstance(value, dict) else {"INVALID_JSON": arguments}


def joined(events: Iterable[Event]) -> list[Event]:
    """Return the events, with consecutive pieces of one thought, answer or call merged."""
    merged: list[Event] = []
    for event in events:
        match merged[-1] if merged else None, event:
            case (Thought(before, count, some), Thought(text, tokens, more)):
                merged[-1] = Thought(before + text, count + tokens, some + more)
            case (Answer(before, count, some), Answer(text, tokens, more)):
                merged[-1] = Answer(before + text, count + tokens, some + more)
            case (ToolCallPart(id_, "", before, count), ToolCallPart(same, "", text, tokens)) if (
                id_ == same
            ):
                merged[-1] = ToolCallPart(id_, "", before + text, count + tokens)
            case (PromptProgress(before, _, cached), PromptProgress()) if before > cached:
                merged[-1] = event  # the first chunk tells where reading begins
            case _:
                merged.append(event)
    return merged
