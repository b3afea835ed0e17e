"""The attempts of a run in a file: each is there as soon as it is made."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Self

from localqwq import durable
from localqwq.errors import LocalqwqError
from localqwq.evals.attempt import Attempt, Key


class Journal:
    """Appends attempts to a file of JSON lines, the first of which says what the run is."""

    def __init__(self, path: Path, about: Mapping[str, Any]) -> None:
        """Open the file for a run, or to resume it.

        Raises ``LocalqwqError`` if the file belongs to a run with other values.
        """
        self.path = path
        self.attempts: list[Attempt] = []
        """What the file holds."""
        lines = _whole_lines(path) if path.exists() else []
        if lines:
            self._continue(lines, about)
        path.parent.mkdir(parents=True, exist_ok=True)
        kept = "".join(line + "\n" for line in lines)
        self._file = path.open("r+" if path.exists() else "w", encoding="utf-8")
        # What a killed run left of its last line is cut off.
        self._file.truncate(len(kept.encode()))
        self._file.seek(0, os.SEEK_END)
        if not lines:
            self._write(about)

    def add(self, attempt: Attempt) -> None:
        """Store an attempt on the disk."""
        self._write(asdict(attempt))
        self.attempts.append(attempt)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _continue(self, lines: list[str], about: Mapping[str, Any]) -> None:
        try:
            before, *rest = [json.loads(line) for line in lines]
            differing = [name for name in about if before[name] != about[name]]
            self.attempts = [_attempt(line) for line in rest]
        except (ValueError, KeyError, TypeError):
            raise LocalqwqError(f"{self.path} is not a journal of an evaluation.") from None
        if differing:
            raise LocalqwqError(
                f"{self.path} holds a run with other values of {', '.join(differing)}: give the "
                "same ones to resume it, or leave out --resume to start anew."
            )

    def _write(self, values: Mapping[str, Any]) -> None:
        self._file.write(json.dumps(values, ensure_ascii=False) + "\n")
        self._file.flush()
        durable.sync(self._file.fileno())


def _whole_lines(path: Path) -> list[str]:
    *lines, _ = path.read_text(encoding="utf-8", errors="replace").split("\n")
    return lines


def _attempt(values: dict[str, Any]) -> Attempt:
    return Attempt(**{**values, "key": Key(**values["key"])})
