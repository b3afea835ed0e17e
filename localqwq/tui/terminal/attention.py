"""Alerting a person who is elsewhere, by the terminal's notification or bell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from localqwq.visible import visible

if TYPE_CHECKING:
    from localqwq.settings.sections import Notify

LONG_SECONDS = 60.0
"""Seconds after which a person is assumed to be elsewhere, if the terminal does not tell."""
BELL = "\a"
LONGEST = 120
"""Maximum letters of a notification; no desktop shows more."""
_BY_RXVT = ("rxvt", "foot", "contour")
"""TERM values of terminals that support urxvt's sequence."""
_BY_ITERM = ("iTerm.app", "WezTerm", "ghostty", "kitty", "WarpTerminal")
"""Names of terminals that support iTerm's sequence."""


@dataclass(slots=True)
class Attention:
    """Whether a person is present, as far as the terminal tells."""

    is_focused: bool | None = None
    """Whether the window has the focus; None before the terminal has told."""

    def is_wanted(self, seconds: float) -> bool:
        """Return whether to alert when something is ready that took this many seconds."""
        return seconds >= LONG_SECONDS if self.is_focused is None else not self.is_focused


def sequence(sentence: str, way: Notify, environment: Mapping[str, str]) -> str:
    """Return the sequence that notifies a person of a sentence; empty for nothing.

    If it is unknown whether the terminal supports notifications, ring the bell too. tmux passes a
    notification on only if configured to, but handles a bell itself.
    """
    if way == "off":
        return ""
    if way == "bell":
        return BELL
    text = " ".join(visible(sentence).split())[:LONGEST]
    name = environment.get("TERM_PROGRAM", "")
    if environment.get("TMUX"):
        inner = _iterm(text).replace("\x1b", "\x1b\x1b")
        return f"\x1bPtmux;{inner}\x1b\\{BELL}"
    if environment.get("TERM", "").startswith(_BY_RXVT) or environment.get("VTE_VERSION"):
        return f"\x1b]777;notify;localqwq;{text}\x1b\\"
    known = name in _BY_ITERM or "kitty" in environment.get("TERM", "")
    return _iterm(text) + ("" if known else BELL)


def _iterm(text: str) -> str:
    # A leading number would mean something else to ConEmu and Windows Terminal.
    return f"\x1b]9;localqwq: {text}\x1b\\"
