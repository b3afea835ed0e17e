"""Interrupted downloads that can be resumed."""

import json
import os
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from localqwq.errors import LocalqwqError
from localqwq.packs.store.lock import take

FOLDER = ".downloads"
"""Inside the store, with a folder for each model that is not complete."""
_SOURCE = "source.json"
_BLOCK = 512
"""The unit of ``st_blocks`` in bytes, on every system."""


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A partly downloaded model."""

    name: str
    quant: str
    bytes: int
    """Bytes downloaded, as far as the disk knows; the next ``pull`` checks them."""

    @property
    def spec(self) -> str:
        """Its name for ``pull``."""
        return f"{self.name}:{self.quant}"


def unfinished(root: Path) -> list[Unfinished]:
    """Return all unfinished downloads in the store ``root`` by name, including running ones."""
    found = []
    for folder in _folders(root):
        name, _, quant = folder.name.rpartition("-")
        size = sum(_allocated(path) for path in folder.glob("*.partial"))
        if name and size:
            found.append(Unfinished(name, quant, size))
    return found


def begun(root: Path, name: str) -> list[Unfinished]:
    """Return the quantizations of a model whose download has begun, those with most bytes first.

    One that was interrupted before its first byte counts, too.
    """
    found = [
        Unfinished(name, quant, sum(_allocated(path) for path in folder.glob("*.partial")))
        for folder in _folders(root)
        for stem, _, quant in (folder.name.rpartition("-"),)
        if stem == name and any(folder.glob("*.journal"))
    ]
    return sorted(found, key=lambda one: -one.bytes)


def remember(folder: Path, spec: str, revision: str | None) -> None:
    """Record the request in a download's folder, so that the name is enough to resume it.

    Addresses with a query are not recorded, as the query may contain a key.
    """
    if "?" not in spec:
        with suppress(OSError):  # if the disk is full, a larger write reports it
            text = json.dumps({"spec": spec, "revision": revision})
            (folder / _SOURCE).write_text(text, encoding="utf-8")


def forget_source(folder: Path) -> None:
    """Remove the record from a folder that has received nothing."""
    if not any(folder.glob("*.partial")):
        (folder / _SOURCE).unlink(missing_ok=True)


def remembered(root: Path, spec: str) -> tuple[Unfinished, str, str | None] | None:
    """Return the download that ``NAME`` or ``NAME:QUANT`` means, its spec and its revision.

    None if no such download was begun.
    """
    name, _, quant = spec.partition(":")
    for one in begun(root, name):
        if quant.upper() not in ("", one.quant):
            continue
        try:
            path = folder_of(root, one.name, one.quant) / _SOURCE
            noted = json.loads(path.read_text(encoding="utf-8"))
            source, revision = noted["spec"], noted["revision"]
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            continue
        if isinstance(source, str) and isinstance(revision, str | None):
            return one, source, revision
    return None


def discard(root: Path, one: Unfinished) -> None:
    """Delete what was downloaded of a model.

    Raises:
        LocalqwqError: it is being downloaded now.
    """
    folder = folder_of(root, one.name, one.quant)
    if not folder.is_dir():
        return
    handle = take(folder)
    if handle is None:
        raise LocalqwqError(f"{one.spec} is being downloaded by another program: pause it there.")
    try:
        shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(handle)


def folder_of(root: Path, name: str, quant: str) -> Path:
    """Return the folder that holds a model until it is complete."""
    return root / FOLDER / f"{name}-{quant}"


def _folders(root: Path) -> list[Path]:
    try:
        return sorted(path for path in (root / FOLDER).iterdir() if path.is_dir())
    except OSError:  # nothing was ever interrupted
        return []


def _allocated(path: Path) -> int:
    try:
        return path.stat().st_blocks * _BLOCK
    except OSError:  # it has just been completed
        return 0
