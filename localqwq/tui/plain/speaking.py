"""Printing lines, and inviting input."""

from __future__ import annotations

from typing import TextIO

INVITATION = "You: "


class Speaker:
    """Prints every sentence on its own line, and never changes what was printed."""

    def __init__(self, out: TextIO, *, invites: bool) -> None:
        """Set up; ``invites``: whether somebody types at a terminal."""
        self._out = out
        self._invites = invites
        self._is_invited = False
        self.is_gone = False
        """Whether the output is closed."""

    def say(self, *lines: str) -> None:
        """Print lines, followed by the invitation again."""
        was_invited, self._is_invited = self._is_invited, False
        lead = "\n" if was_invited else ""
        self._write(lead + "".join(f"{line}\n" for line in lines))
        if was_invited:
            self.invite()

    def invite(self) -> None:
        """Show that one can type."""
        if self._invites and not self._is_invited:
            self._is_invited = True
            self._write(INVITATION)

    def heard(self) -> None:
        """Note that a line was typed, so the cursor is at the beginning of the next one."""
        self._is_invited = False

    def _write(self, text: str) -> None:
        try:
            self._out.write(text)
            self._out.flush()
        except OSError:
            self.is_gone = True
