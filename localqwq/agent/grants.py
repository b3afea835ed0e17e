"""Permissions for always, in a file of the data directory; deleting it withdraws all of them."""

import json
from pathlib import Path
from typing import Any

from localqwq.agent.permission import Grant
from localqwq.durable import replace_text
from localqwq.errors import LocalqwqError
from localqwq.locations import data_directory


class GrantsFile:
    """The permissions that a person gave for always."""

    def __init__(self, path: Path | None = None) -> None:
        """Set up; nothing is read yet. ``path`` is ``grants.json`` in the data directory."""
        self._path = path or data_directory() / "grants.json"

    def has(self, grant: Grant) -> bool:
        """Return whether that one was given."""
        return any(_grant(entry) == grant for entry in self._entries())

    def add(self, grant: Grant, statement: str) -> None:
        """Remember one, with the statement of its tool; it replaces those of an earlier one.

        Raises :class:`LocalqwqError` if it cannot be written.
        """
        kept = [entry for entry in self._entries() if not self._is_replaced(entry, grant)]
        new = {
            "tool": grant.tool,
            "fingerprint": grant.fingerprint,
            "values": list(grant.values),
            "statement": statement,
        }
        self._write(json.dumps([*kept, new], indent=1, ensure_ascii=False))

    def all(self) -> list[Grant]:
        """Return all of them, the oldest first."""
        return [grant for grant in map(_grant, self._entries()) if grant is not None]

    def remove(self, grant: Grant) -> None:
        """Withdraw one; raises :class:`LocalqwqError` if the file cannot be written."""
        kept = [entry for entry in self._entries() if _grant(entry) != grant]
        self._write(json.dumps(kept, indent=1, ensure_ascii=False))

    def changed(self, grant: Grant) -> str:
        """Return the tool's earlier statement if only that differs; else an empty text."""
        for entry in self._entries():
            found = _grant(entry)
            if found is not None and self._is_replaced(entry, grant) and found != grant:
                return str(entry.get("statement", ""))
        return ""

    def _is_replaced(self, entry: dict[str, Any], grant: Grant) -> bool:
        found = _grant(entry)
        return found is None or (found.tool, found.values) == (grant.tool, grant.values)

    def _entries(self) -> list[dict[str, Any]]:
        """Return what the file has; nothing if it cannot be read: then the person is asked."""
        try:
            found = json.loads(self._path.read_text("utf-8"))
        except (OSError, ValueError, RecursionError):
            return []
        return (
            [entry for entry in found if isinstance(entry, dict)] if isinstance(found, list) else []
        )

    def _write(self, text: str) -> None:
        try:
            replace_text(self._path, text)
        except OSError as error:
            raise LocalqwqError(
                f"The permission cannot be kept: {self._path}: {error.strerror}."
            ) from error


def _grant(entry: dict[str, Any]) -> Grant | None:
    try:
        values = tuple(map(str, entry["values"]))
        return Grant(str(entry["tool"]), str(entry["fingerprint"]), values)
    except (KeyError, TypeError):
        return None
