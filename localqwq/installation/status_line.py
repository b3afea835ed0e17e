"""A status line for an installation; without a terminal, an occasional new line."""

import shutil
import time
from typing import TextIO

_EVERY = 15.0
"""Seconds between lines that cannot replace each other."""


class StatusLine:
    """Show the newest text in place, or an occasional plain line."""

    def __init__(self, output: TextIO) -> None:
        """Write to ``output``, in place if it is a terminal."""
        self._output = output
        self._in_place = output.isatty()
        self._shown = ""
        self._subject = ""
        self._at = 0.0

    def show(self, subject: str, detail: str = "") -> None:
        """Show ``subject``, the current work, and its progress.

        A line that cannot be replaced is written when the subject changes, and then rarely.
        """
        text = f"  {subject}{detail}"
        if self._in_place:
            width = shutil.get_terminal_size().columns - 1
            if text != self._shown:
                self._output.write(f"\r\x1b[2K{text[:width]}")
        elif subject != self._subject or time.monotonic() - self._at > _EVERY:
            self._output.write(f"{text}\n")
            self._at = time.monotonic()
        self._shown, self._subject = text, subject
        self._output.flush()

    def end(self) -> None:
        """Leave the line as it is and begin the next."""
        if self._in_place and self._shown:
            self._output.write("\n")
            self._output.flush()
        self._shown = self._subject = ""
