"""A conversation from a file of any origin, about to be stored."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, TypeVar

from localqwq.conversations.rounds import Round, StoredCall
from localqwq.conversations.turns import Measures, Turn, title

LARGEST = 1e12
"""No time and no count is larger; larger ones are accidents."""

Number = TypeVar("Number", int, float)

_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


@dataclass(frozen=True, slots=True)
class Imported:
    """A conversation whose turns have ids of their own, which the store replaces."""

    title: str
    turns: tuple[Turn, ...]
    """At least one, each after its parent; none of them running."""
    head: int | None
    """The id of the current turn; None before the first one."""
    created: float
    updated: float
    """Seconds since the epoch."""
    system: str = ""
    pinned: bool = False
    settings: Mapping[str, object] = field(default_factory=dict)
    """Settings that override the general ones."""


def admit(
    name: str,
    turns: Sequence[Turn],
    head: int,
    times: tuple[object, object],
    system: str = "",
    pinned: bool = False,
) -> Imported:
    """Return the conversation without anything that could upset a list or a terminal.

    ``times``: when it was created and last changed, in whatever form the file has.
    """
    safe = tuple(safe_turn(turn) for turn in turns)
    created = seconds(times[0]) or next((turn.created for turn in safe if turn.created), 0)
    created = created or time.time()
    prompts = (turn.text for turn in safe if turn.role == "user")
    return Imported(
        _line(name) or title(next(prompts, "")) or "Imported",
        safe,
        head,
        created,
        max(created, seconds(times[1])),
        clean(system),
        pinned,
    )


def seconds(value: object) -> float:
    """Return a time in seconds since the epoch, from a number or a date.

    0 if it is not a time.
    """
    if isinstance(value, str):
        return _of_date(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0.0
    for unit in (1, 1e3, 1e6, 1e9):
        if 0 < value < 1e11 * unit:  # the year 5138
            return value / unit
    return 0.0


def fields_of(value: object) -> Mapping[str, Any]:
    """Return the fields of a JSON object; none for anything else."""
    return value if isinstance(value, dict) else {}


def list_of(value: object) -> list[Any]:
    """Return the elements of a JSON list; none for anything else."""
    return value if isinstance(value, list) else []


def text_of(value: object) -> str:
    """Return a JSON string; empty for anything else."""
    return value if isinstance(value, str) else ""


def clean(text: str) -> str:
    """Return the text without control characters and unpaired surrogates."""
    return _CONTROLS.sub("", storable(text).replace("\r\n", "\n").replace("\r", "\n"))


def storable(text: str) -> str:
    """Return the text without unpaired surrogates, which no file can store."""
    return text.encode("utf-8", "replace").decode()


def bounded(turn: Turn) -> Turn:
    """Return the turn with sane numbers, and not as running."""
    numbers = {name: _number(getattr(turn.measures, name)) for name in Measures.__slots__}
    return replace(
        turn,
        status="stopped" if turn.status == "running" else turn.status,
        created=seconds(turn.created),
        measures=Measures(**numbers),
        attachments=tuple(replace(each, tokens=_number(each.tokens)) for each in turn.attachments),
        rounds=tuple(
            replace(one, calls=tuple(_bounded_call(call) for call in one.calls))
            for one in turn.rounds
        ),
    )


def with_clean_rounds(rounds: Sequence[Round], clean: Callable[[str], str]) -> tuple[Round, ...]:
    """Return the rounds with clean texts."""
    return tuple(
        Round(
            clean(one.thought),
            clean(one.text),
            tuple(
                replace(
                    call,
                    id=clean(call.id),
                    name=clean(call.name),
                    arguments=clean(call.arguments),
                    result=clean(call.result),
                    read=clean(call.read),
                )
                for call in one.calls
            ),
        )
        for one in rounds
    )


def _bounded_call(call: StoredCall) -> StoredCall:
    return replace(call.ended(), seconds=_number(call.seconds))


def safe_turn(turn: Turn) -> Turn:
    """Return the turn with clean texts and sane numbers, not running."""
    return replace(
        bounded(turn),
        text=clean(turn.text),
        thought=clean(turn.thought),
        model=_line(turn.model),
        note=clean(turn.note),
        attachments=tuple(
            replace(each, name=clean(each.name), text=clean(each.text))
            for each in bounded(turn).attachments
        ),
        rounds=with_clean_rounds(bounded(turn).rounds, clean),
    )


def _line(text: str) -> str:
    return " ".join(clean(text).split())


def _number(value: Number) -> Number:
    return value if 0 <= value <= LARGEST else type(value)(0)


def _of_date(text: str) -> float:
    try:
        return max(0.0, datetime.fromisoformat(text).timestamp())
    except (ValueError, OverflowError, OSError):
        return 0.0
