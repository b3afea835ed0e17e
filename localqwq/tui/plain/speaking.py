"""Writes lines, and invites to type one."""

from __future__ import annotations

from typing import TextIO

INVITATION = "You: "


class Speaker:
    """Every sentence is a line of its own, and nothing that was written changes."""

    def __init__(self, out: TextIO, *, invites: bool) -> None:
        """`invites`: somebody types at a terminal."""
        self._out = out
        self._invites = invites
        self._is_invited = False
        self.is_gone = False
        """Whether nobody reads any more."""

    def say(self, *lines: str) -> None:
        """Writes lines; the invitation comes again behind them."""
        was_invited, self._is_invited = self._is_invited, False
        lead = "\n" if was_invited else ""
        self._write(lead + "".join(f"{line}\n" for line in lines))
        if was_invited:
            self.invite()

    def invite(self) -> None:
        """Says that one can type."""
        if self._invites and not self._is_invited:
            self._is_invited = True
            self._write(INVITATION)

    def heard(self) -> None:
        """A line was typed, so the cursor is at the beginning of the next one."""
        self._is_invited = False

    def _write(self, text: str) -> None:
        try:
            self._out.write(text)
            self._out.flush()
        except OSError:
            self.is_gone = True
