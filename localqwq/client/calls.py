"""Assembling tool calls from pieces in several chunks, however a server numbers them."""

import json
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from localqwq.reasoning.events import ToolCall, ToolCallPart


@dataclass(slots=True)
class _PartialCall:
    """The part of a call that has arrived."""

    index: Any
    given_id: str | None
    """The server's own id."""
    id: str = field(default_factory=lambda: f"call_{uuid.uuid4().hex[:24]}")
    name: str = ""
    arguments: str = ""


class CallAssembler:
    """Assembles the pieces of an answer's calls.

    A piece belongs to the call with its id, else to the last one with its index. If a server gives
    all calls the same index or none, a new id begins a call, and so does a name after complete
    arguments.
    """

    def __init__(self) -> None:
        self._calls: list[_PartialCall] = []

    def __bool__(self) -> bool:
        return bool(self._calls)

    def add(self, piece: Mapping[str, Any], tokens: int) -> Iterator[ToolCallPart]:
        """Yield what a piece tells; ``tokens`` came with it."""
        function = piece.get("function")
        function = function if isinstance(function, Mapping) else {}
        name, arguments = function.get("name") or "", _as_text(function.get("arguments"))
        call = self._call(piece.get("index"), piece.get("id") or None, name)
        if name and name != call.name and not call.arguments:
            call.name += name
            yield ToolCallPart(call.id, name, "", tokens)
            tokens = 0
        if arguments:
            call.arguments += arguments
            yield ToolCallPart(call.id, "", arguments, tokens)

    def whole(self, *, cut: bool) -> Iterator[ToolCall]:
        """Yield the calls in order. ``cut``: the answer was cut off, so the last one may be
        dropped.
        """
        for call in self._calls:
            if not cut or is_json(call.arguments):
                yield ToolCall(call.id, call.name, call.arguments or "{}")

    def _call(self, index: Any, given_id: str | None, name: str) -> _PartialCall:
        same_id = [call for call in self._calls if given_id and call.given_id == given_id]
        if same_id:
            return same_id[-1]
        same_index = [call for call in self._calls if call.index == index]
        if same_index and _goes_on(same_index[-1], given_id, name):
            return same_index[-1]
        call = _PartialCall(index, given_id)
        if given_id:
            call.id = given_id
        self._calls.append(call)
        return call


def is_json(text: str) -> bool:
    """Return whether a text is a JSON document."""
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _goes_on(call: _PartialCall, given_id: str | None, name: str) -> bool:
    """Return whether a piece with the call's index, that id and that name may belong to it."""
    if given_id and call.given_id:
        return False
    return not (name and call.name and is_json(call.arguments))


def _as_text(arguments: Any) -> str:
    if isinstance(arguments, str):
        return arguments
    return "" if arguments is None else json.dumps(arguments, ensure_ascii=False)
