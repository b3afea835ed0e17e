"""A conversation on its way from a file of whatever origin into the store."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from localqwq.conversations.turns import Attachment, Measures, Turn, title

LARGEST = 1e12
"""No time and no count is larger, and few files say so by accident."""

Number = TypeVar("Number", int, float)

_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


@dataclass(frozen=True, slots=True)
class Imported:
    """A conversation whose turns have ids of their own, which the store replaces."""

    title: str
    turns: tuple[Turn, ...]
    """At least one, each behind its parent; none of them running."""
    head: int
    """The id of the turn at which it stands."""
    created: float
    updated: float
    """Seconds since the epoch."""
    system: str = ""
    pinned: bool = False


def admit(
    name: str,
    turns: Sequence[Turn],
    head: int,
    times: tuple[object, object],
    system: str = "",
    pinned: bool = False,
) -> Imported:
    """The conversation with nothing in it that a store, a list or a terminal could trip over.

    `times` are when it was made and last written to, in whatever form the file has them.
    """
    safe = tuple(safe_turn(turn) for turn in turns)
    created = seconds(times[0]) or next((turn.created for turn in safe if turn.created), 0)
    created = created or time.time()
    prompts = (turn.text for turn in safe if turn.role == "user")
    return Imported(
        title(clean(name)) or title(next(prompts, "")) or "Imported",
        safe,
        head,
        created,
        max(created, seconds(times[1])),
        clean(system),
        pinned,
    )


def seconds(value: object) -> float:
    """A moment in seconds since the epoch, whether it came in seconds or in fractions of them.

    0 for what is no moment.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0.0
    for unit in (1, 1e3, 1e6, 1e9):
        if 0 < value < 1e11 * unit:  # the year 5138
            return value / unit
    return 0.0


def fields_of(value: object) -> Mapping[str, Any]:
    """The fields of an object of JSON; none where it is something else."""
    return value if isinstance(value, dict) else {}


def text_of(value: object) -> str:
    """A string of JSON; empty where it is something else."""
    return value if isinstance(value, str) else ""


def clean(text: str) -> str:
    """The text without control characters and halves of characters."""
    whole = text.encode("utf-8", "replace").decode()
    return _CONTROLS.sub("", whole.replace("\r\n", "\n").replace("\r", "\n"))


def safe_turn(turn: Turn) -> Turn:
    """The turn with clean texts and possible numbers, and not running."""
    return replace(
        turn,
        text=clean(turn.text),
        thought=clean(turn.thought),
        model=title(clean(turn.model)),
        note=clean(turn.note),
        status="stopped" if turn.status == "running" else turn.status,
        created=seconds(turn.created),
        measures=Measures(
            **{name: _bounded(getattr(turn.measures, name)) for name in Measures.__slots__}
        ),
        attachments=tuple(
            Attachment(clean(each.name), clean(each.text), _bounded(each.tokens))
            for each in turn.attachments
        ),
    )


def _bounded(value: Number) -> Number:
    return value if 0 <= value <= LARGEST else type(value)(0)
