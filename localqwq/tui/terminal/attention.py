"""Calls somebody who looks elsewhere, by the terminal's notification or by its bell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from localqwq.visible import visible

if TYPE_CHECKING:
    from localqwq.settings.sections import Notify

LONG_SECONDS = 60.0
"""After so long somebody looks elsewhere, for all one knows where the terminal does not say."""
BELL = "\a"
LONGEST = 120
"""Letters of a notification; no desktop shows more."""
_BY_RXVT = ("rxvt", "foot", "contour")
"""Terminals, by their TERM, that take urxvt's sequence."""
_BY_ITERM = ("iTerm.app", "WezTerm", "ghostty", "kitty", "WarpTerminal")
"""Those, by what they call themselves, that take iTerm's."""


@dataclass(slots=True)
class Attention:
    """Whether somebody looks, as far as the terminal tells."""

    is_focused: bool | None = None
    """None before it has told anything."""

    def is_wanted(self, seconds: float) -> bool:
        """Whether to call when something is ready that took so long."""
        return seconds >= LONG_SECONDS if self.is_focused is None else not self.is_focused


def sequence(sentence: str, way: Notify, environment: Mapping[str, str]) -> str:
    """What the terminal is sent for somebody to be told a sentence; empty for nothing.

    Where nobody knows whether the terminal shows notifications, it rings as well. tmux passes a
    notification on only if it is configured to, but does something with a bell itself.
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
    # A number in front would mean something else to ConEmu and Windows Terminal.
    return f"\x1b]9;localqwq: {text}\x1b\\"
