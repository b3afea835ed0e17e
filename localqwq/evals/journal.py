"""The attempts of a run in a file: each is there as soon as it is made."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from localqwq.errors import LocalqwqError
from localqwq.evals.attempt import Attempt, Key
from localqwq.line_file import LineFile


class Journal:
    """Appends attempts to a file of JSON lines, the first of which says what the run is."""

    def __init__(self, path: Path, about: Mapping[str, Any]) -> None:
        """Open the file for a run, or to resume it.

        Raises ``LocalqwqError`` if the file belongs to a run with other values, or cannot be read
        or written.
        """
        self._file = LineFile(path)
        self.attempts: list[Attempt] = []
        """What the file holds."""
        if self._file.lines:
            self._continue(self._file.lines, about)
        else:
            self._write(about)

    def add(self, attempt: Attempt) -> None:
        """Store an attempt on the disk; raises ``LocalqwqError`` if that fails."""
        self._write(asdict(attempt))
        self.attempts.append(attempt)

    def _continue(self, lines: Sequence[bytes], about: Mapping[str, Any]) -> None:
        path = self._file.path
        try:
            before, *rest = [json.loads(line) for line in lines]
            differing = [name for name in about if before[name] != about[name]]
            self.attempts = [_attempt(line) for line in rest]
        except (ValueError, KeyError, TypeError):
            raise LocalqwqError(f"{path} is not a journal of an evaluation.") from None
        if differing:
            raise LocalqwqError(
                f"{path} holds a run with other values of {', '.join(differing)}: give the "
                "same ones to resume it, or leave out --resume to start anew."
            )

    def _write(self, values: Mapping[str, Any]) -> None:
        text = json.dumps(values, ensure_ascii=False)
        self._file.add(text.encode("utf-8", "surrogatepass"))


def _attempt(values: dict[str, Any]) -> Attempt:
    return Attempt(**{**values, "key": Key(**values["key"])})
