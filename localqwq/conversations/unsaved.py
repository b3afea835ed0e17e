"""A file for changes that could not be stored, written elsewhere on exit."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any

from localqwq.conversations.changes import (
    Began,
    CallEnded,
    Change,
    DraftKept,
    Ended,
    Grew,
    Rewritten,
    RoundEnded,
    Titled,
    TurnAdded,
)
from localqwq.conversations.exports import free_path
from localqwq.conversations.imported import clean, safe_turn, with_clean_rounds
from localqwq.conversations.rounds import Round
from localqwq.conversations.store import Store
from localqwq.conversations.turns import Attachment, Draft, title
from localqwq.durable import sync
from localqwq.errors import LocalqwqError
from localqwq.interruption import uninterrupted
from localqwq.locations import home_directory

FORMAT, VERSION = "localqwq unsaved changes", 1
"""Identify such a file for the import."""


@dataclass(frozen=True)
class Unsaved:
    """The content of such a file."""

    changes: list[Change]
    beginnings: dict[int, float] = field(default_factory=dict)
    """When the conversations began, by number, to recognize them."""
    written: float = 0.0
    """When the file was written, in seconds since the epoch."""


def save(changes: Sequence[Change], beginnings: Mapping[int, float]) -> str:
    """Write the changes to a new file wherever possible; return a sentence about it.

    If no folder can be written to, the sentence contains all the text.
    """
    document = {
        "format": FORMAT,
        "version": VERSION,
        "written": time.time(),
        "beginnings": beginnings,
        "changes": [asdict(change) for change in changes],
    }
    text = json.dumps(document, ensure_ascii=False, indent=1) + "\n"
    name = time.strftime("localqwq-unsaved-%Y%m%d-%H%M%S.json")
    for folder in _folders():
        try:
            path = _written(folder, name, text)
        except OSError:
            continue
        return f"What could not be stored is in {path}; `localqwq import {path}` adds it later."
    words = "\n\n".join(_words(changes))
    return (
        "What could not be stored could not be written to any folder either; here is its text:\n"
        f"\n{words}"
    )


def read_file(path: Path) -> Unsaved | None:
    """Return the changes in a file; None if it is something else.

    Raises LocalqwqError if it is such a file but damaged.
    """
    from pydantic import Field, TypeAdapter, ValidationError

    try:
        with path.open("rb") as file:
            if FORMAT.encode() not in file.read(100):
                return None
            file.seek(0)
            document = json.loads(file.read().decode("utf-8"))
    except OSError:
        return None
    except (ValueError, RecursionError) as error:
        raise LocalqwqError(f"{path} is damaged ({error}).") from None
    if document.get("version") != VERSION:
        raise LocalqwqError(f"{path} was written by a newer localqwq; update this one to read it.")
    kinds: TypeAdapter[Any] = uninterrupted(
        lambda: TypeAdapter(list[Annotated[Change, Field(discriminator="kind")]])
    )
    moments = uninterrupted(lambda: TypeAdapter(dict[int, float]))
    moment = uninterrupted(lambda: TypeAdapter(float))
    try:
        changes = kinds.validate_python(document["changes"])
        beginnings = moments.validate_python(document["beginnings"])
        written = moment.validate_python(document["written"])
    except (KeyError, ValidationError) as error:
        raise LocalqwqError(f"{path} is damaged ({str(error).splitlines()[0]}).") from None
    return Unsaved([_safe(change) for change in changes], beginnings, written)


def add(unsaved: Unsaved, store: Store) -> int:
    """Apply all changes or none; return how many conversations they are about.

    Raises LocalqwqError if they come from a different store.
    """
    new = {change.conversation for change in unsaved.changes if isinstance(change, Began)}
    for number, began in unsaved.beginnings.items():
        if number not in new and store.beginning(number) != began:
            raise LocalqwqError(
                f"Conversation {number} is not in this store, or a different one is: import the "
                "file where it was written."
            )
    with store.together():
        for change in unsaved.changes:
            if isinstance(change, DraftKept):
                change = _behind_newer(change, store, unsaved.written)
            change.apply(store)
    return len({change.conversation for change in unsaved.changes})


def _behind_newer(change: DraftKept, store: Store, written: float) -> DraftKept:
    """Return the draft appended to the store's one, if that is newer and lacks its text."""
    if store.draft_time(change.conversation) <= written:
        return change
    kept, draft = store.draft(change.conversation), change.draft
    if draft.text in kept.text:
        return replace(change, draft=kept)
    text = f"{kept.text}\n\n{draft.text}".strip()
    return replace(change, draft=Draft(text, kept.attachments + draft.attachments))


def _folders() -> Iterator[Path]:
    """Yield folders where a person would look for a file, those that survive a restart first."""
    if (home := home_directory()) is not None:
        yield home
    with suppress(OSError):
        yield Path.cwd()
    yield Path(tempfile.gettempdir())
    yield Path("/dev/shm")


def _written(folder: Path, name: str, text: str) -> Path:
    """Return the path of the new file; raises OSError, leaving none, if it is not on the disk."""
    path = free_path(folder, name)
    with path.open("x", encoding="utf-8") as file:
        try:
            file.write(text)
            file.flush()
            sync(file.fileno())
        except OSError:
            with suppress(OSError):
                path.unlink()
            raise
    return path


def _words(changes: Sequence[Change]) -> Iterator[str]:
    """Yield the text of people and models in the changes."""
    for change in changes:
        match change:
            case TurnAdded(_, turn) | Ended(_, turn):
                rounds = (part for one in turn.rounds for part in (one.thought, one.text))
                yield from (part for part in (*rounds, turn.thought, turn.text) if part)
            case Grew() | Rewritten():
                yield change.thought + change.text
            case DraftKept(_, draft) if draft.text:
                yield draft.text


def _safe(change: Change) -> Change:
    """Return the change without anything that could upset a store, a list or a terminal."""
    match change:
        case Began():
            return replace(change, title=title(clean(change.title)), system=clean(change.system))
        case Titled():
            return replace(change, title=clean(change.title))
        case TurnAdded() | Ended():
            return replace(change, turn=safe_turn(change.turn))
        case RoundEnded():
            [one] = with_clean_rounds([Round(calls=change.calls)], clean)
            return replace(change, calls=one.calls)
        case CallEnded():
            [one] = with_clean_rounds([Round(calls=(change.call,))], clean)
            return replace(change, call=one.calls[0])
        case Grew() | Rewritten():
            return replace(change, thought=clean(change.thought), text=clean(change.text))
        case DraftKept(_, draft):
            files = tuple(
                Attachment(clean(each.name), clean(each.text), each.tokens)
                for each in draft.attachments
            )
            return replace(change, draft=Draft(clean(draft.text), files))
    return change
