"""Cached findings about this machine: JSON files in the cache directory."""

import contextlib
import json
import os
import tempfile
from pathlib import Path
from typing import Any

from localqwq.locations import lasting_cache

_MOST = 64
"""Maximum entries per file; the oldest are dropped."""


def _machine_integer(digits: str) -> int:
    """Return a number; raises ValueError for one that no computation of ours could hold."""
    number = int(digits)
    if abs(number) >> 63:
        raise ValueError(f"{digits:.20} is too large")
    return number


class CacheFile:
    """A JSON object in a file. Losing it costs only time.

    An unreadable file counts as empty, and an unwritable one stays as it is.
    """

    def __init__(self, name: str) -> None:
        """Open the file ``name`` in the cache directory; the suffix is added."""
        self._name = f"{name}.json"

    def read(self) -> dict[str, Any]:
        """Return all entries, the oldest first. They come from a file: check them before use."""
        directory = lasting_cache()
        if directory is None:
            return {}
        try:
            text = (directory / self._name).read_text(encoding="utf-8")
            found = json.loads(text, parse_int=_machine_integer)
        except (OSError, ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}

    def write(self, key: str, value: Any) -> None:
        """Add or replace one entry."""
        entries = self.read()
        entries.pop(key, None)
        entries[key] = value
        text = json.dumps(dict(list(entries.items())[-_MOST:]), indent=1)
        if (directory := lasting_cache()) is not None:
            with contextlib.suppress(OSError):
                self._replace(directory / self._name, text)

    def _replace(self, path: Path, text: str) -> None:
        """Replace the file atomically: others may be reading it."""
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
