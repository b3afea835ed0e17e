"""Themes: localqwq's own, dark and light, each also with high contrast.

Their texts have a contrast of 4.5 or more on all of their backgrounds, and of 7 or more in the
high-contrast themes: WCAG 2.2, levels AA and AAA, https://www.w3.org/TR/WCAG22/. Nothing is
expressed by colour alone, so nothing is lost with NO_COLOR, which Textual honours.
"""

from __future__ import annotations

import os
from typing import Any

from textual.app import App
from textual.theme import Theme

DEFAULT = "localqwq"
"""The dark theme."""

PLACEHOLDERS = """
Input > .input--placeholder, Input > .input--suggestion, TextArea .text-area--placeholder {
    color: $text-muted;
}
"""
"""Styles of placeholders, which Textual makes too pale to read."""


def _theme(name: str, *, dark: bool, muted: str, **colours: str) -> Theme:
    """Return a theme with consistent footer, cursor, and muted text."""
    primary, background = colours["primary"], colours["background"]
    return Theme(
        name=name,
        dark=dark,
        variables={
            "text-muted": muted,
            "footer-background": background,
            "footer-key-foreground": primary,
            "footer-description-foreground": muted,
            "footer-item-background": background,
            "block-cursor-background": primary,
            "block-cursor-foreground": background,
            "block-cursor-blurred-background": colours["panel"],
            "block-cursor-blurred-foreground": colours["foreground"],
            "input-selection-background": f"{primary} 35%",
            "link-color": primary,
            "link-color-hover": background,
            "link-background-hover": primary,
            "button-color-foreground": background,
            "button-foreground": colours["foreground"],
            "markdown-h1-color": primary,
            "markdown-h2-color": primary,
            "markdown-h3-color": primary,
            "markdown-h4-color": colours["foreground"],
            "markdown-h5-color": colours["foreground"],
            "markdown-h6-color": muted,
        },
        primary=primary,
        secondary=colours["secondary"],
        accent=colours["accent"],
        foreground=colours["foreground"],
        background=background,
        surface=colours["surface"],
        panel=colours["panel"],
        success=colours["success"],
        warning=colours["warning"],
        error=colours["error"],
    )


THEMES = (
    _theme(
        DEFAULT,
        dark=True,
        muted="#9a9fae",
        primary="#9db4f0",
        secondary="#94a4cc",
        accent="#e0b882",
        foreground="#d8dbe2",
        background="#15171c",
        surface="#1e2128",
        panel="#262a33",
        success="#9ccf9c",
        warning="#e0b882",
        error="#eb9a9a",
    ),
    _theme(
        "localqwq-light",
        dark=False,
        muted="#595e6b",
        primary="#2c4a9e",
        secondary="#46547d",
        accent="#7a4c00",
        foreground="#1c2028",
        background="#fbfbfa",
        surface="#f1f1ef",
        panel="#e5e6e6",
        success="#1c5f2a",
        warning="#7a4c00",
        error="#9f1f1a",
    ),
    _theme(
        "localqwq-contrast",
        dark=True,
        muted="#d0d0d0",
        primary="#a8d1ff",
        secondary="#c6d6ff",
        accent="#ffd75f",
        foreground="#ffffff",
        background="#000000",
        surface="#0f0f0f",
        panel="#262626",
        success="#8ff0a4",
        warning="#ffd75f",
        error="#ffb3b3",
    ),
    _theme(
        "localqwq-contrast-light",
        dark=False,
        muted="#333333",
        primary="#002b80",
        secondary="#1f2f5c",
        accent="#5c3300",
        foreground="#000000",
        background="#ffffff",
        surface="#f4f4f4",
        panel="#e6e6e6",
        success="#003d12",
        warning="#5c3300",
        error="#7a0000",
    ),
)


def register_themes(app: App[Any], chosen: Any) -> str:
    """Register localqwq's themes and apply the chosen one, as ``use_theme`` does.

    ``TEXTUAL_THEME`` takes precedence; without either, the dark theme is used.
    """
    for theme in THEMES:
        app.register_theme(theme)
    if isinstance(chosen, str) and chosen.strip():
        return use_theme(app, os.environ.get("TEXTUAL_THEME") or chosen)
    return use_theme(app, os.environ.get("TEXTUAL_THEME") or DEFAULT)


def use_theme(app: App[Any], name: str) -> str:
    """Apply a theme; if there is none with that name, apply the default and return a sentence."""
    known = app.available_themes
    app.theme = name if name in known else DEFAULT
    if name in known:
        return ""
    return f"There is no theme {name!r}: choose one of {', '.join(sorted(known))}."
