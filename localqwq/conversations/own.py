"""Our own export files, as written by ``exports.to_json``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from localqwq.conversations.exports import FORMAT, VERSION, without_folders
from localqwq.conversations.imported import Imported, bounded, seconds, storable, with_clean_rounds
from localqwq.conversations.tally import Kind, Tally
from localqwq.conversations.turns import Turn
from localqwq.errors import LocalqwqError
from localqwq.interruption import uninterrupted


@dataclass(frozen=True)
class _Entry:
    """A conversation in a file."""

    title: str
    head: int | None
    created: float
    updated: float
    turns: list[Turn]
    system: str = ""
    pinned: bool = False
    settings: dict[str, Any] = field(default_factory=dict)


def is_ours(document: object) -> bool:
    """Return whether a document claims to be one of ours."""
    return isinstance(document, dict) and document.get("format") == FORMAT


def read(document: Mapping[str, Any], tally: Tally) -> list[Imported]:
    """Return the conversations in a document; raises LocalqwqError if it is invalid."""
    from pydantic import TypeAdapter, ValidationError

    version = document.get("version")
    if isinstance(version, int) and version > VERSION:
        raise LocalqwqError("It was written by a newer localqwq; update this one to read it.")
    checks = uninterrupted(lambda: TypeAdapter(list[_Entry]))
    try:
        entries = checks.validate_python(document.get("conversations"))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, ("conversations", *first["loc"])))
        raise LocalqwqError(f"{place} in it is wrong: {first['msg']}.") from None
    tally.leave(Kind.EMPTY, sum(1 for entry in entries if not entry.turns))
    return [_admitted(entry) for entry in entries if entry.turns]


def _admitted(entry: _Entry) -> Imported:
    known: set[int | None] = {None}
    for turn in entry.turns:
        if turn.parent not in known or turn.id in known:
            raise LocalqwqError(f"Turn {turn.id} of “{entry.title}” does not follow another one.")
        known.add(turn.id)
    if entry.head not in known:
        raise LocalqwqError(
            f"“{entry.title}” is open at turn {entry.head}, which it does not contain."
        )
    created = seconds(entry.created)
    return Imported(
        storable(entry.title),
        tuple(_turn(turn) for turn in entry.turns),
        entry.head,
        created,
        max(created, seconds(entry.updated)),
        storable(entry.system),
        entry.pinned,
        without_folders(entry.settings),
    )


def _turn(turn: Turn) -> Turn:
    return replace(
        bounded(turn),
        text=storable(turn.text),
        thought=storable(turn.thought),
        model=storable(turn.model),
        note=storable(turn.note),
        attachments=tuple(
            replace(each, name=storable(each.name), text=storable(each.text))
            for each in bounded(turn).attachments
        ),
        rounds=with_clean_rounds(bounded(turn).rounds, storable),
    )
