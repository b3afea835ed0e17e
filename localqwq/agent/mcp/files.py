"""The files with entries of MCP servers: our own ``mcp.json``, and others', which are only read."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from localqwq.agent.mcp.entries import TABLES, Entry, entries_of, written
from localqwq.durable import replace_text
from localqwq.errors import LocalqwqError
from localqwq.locations import config_directory, expanded

_LARGEST = 4_000_000
"""Bytes of a file that is read."""


def own_file() -> Path:
    """Return the path of ``mcp.json`` in the configuration directory; it need not exist."""
    return config_directory() / "mcp.json"


def all_entries(others: Iterable[str] = ()) -> list[Entry]:
    """Return the entries of our file and of the files ``others``; the first of a name counts.

    Raises :class:`LocalqwqError` if a file cannot be read.
    """
    found: dict[str, Entry] = {}
    for path in (own_file(), *map(expanded, others)):
        if path != own_file() and not path.exists():
            raise LocalqwqError(f"There is no file {path}, which agent.mcp_files names.")
        for entry in entries_in(path):
            found.setdefault(entry.prefix, entry)
    return list(found.values())


def entries_in(path: Path) -> list[Entry]:
    """Return the entries of a file; none if it does not exist.

    Raises :class:`LocalqwqError` if it cannot be read.
    """
    return entries_of(_document(path), path)


def add(entry: Entry) -> None:
    """Write an entry to our file; it replaces one of the same name. Raises LocalqwqError."""
    document = _document(own_file())
    _table(document)[entry.name] = written(entry)
    _write(document)


def remove(name: str) -> bool:
    """Remove an entry from our file; return whether there was one. Raises LocalqwqError."""
    document = _document(own_file())
    is_there = _table(document).pop(name, None) is not None
    if is_there:
        _write(document)
    return is_there


def _document(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            raw = file.read(_LARGEST + 1)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise LocalqwqError(f"{path} cannot be read: {error.strerror}.") from error
    if len(raw) > _LARGEST:
        raise LocalqwqError(f"{path} is too large to be a list of MCP servers.")
    try:
        found = json.loads(raw.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise LocalqwqError(f"{path} is not UTF-8 text: save it as UTF-8.") from None
    except json.JSONDecodeError as error:
        raise LocalqwqError(
            f"{path} is not valid JSON: {error.msg} in line {error.lineno}, column {error.colno}."
        ) from None
    except RecursionError:
        raise LocalqwqError(f"{path} is nested too deeply.") from None
    entries_of(found, path)  # refuses what is no list of servers
    assert isinstance(found, dict)
    return found


def _table(document: dict[str, Any]) -> dict[str, Any]:
    name = next((name for name in TABLES if name in document), TABLES[0])
    table = document.setdefault(name, {})
    assert isinstance(table, dict)
    return table


def _write(document: dict[str, Any]) -> None:
    path = own_file()
    try:
        replace_text(path, json.dumps(document, indent=2, ensure_ascii=False) + "\n")
    except OSError as error:
        raise LocalqwqError(f"{path} cannot be written: {error.strerror}.") from error
