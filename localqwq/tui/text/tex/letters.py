"""Letters of other alphabets, and names made of letters."""

from __future__ import annotations

import unicodedata

from localqwq.tui.text.tex.nodes import Blank, Group, Kind, Node, Sign


def plain(group: Group) -> str | None:
    """Return the letters of a name; None if it has anything else."""
    text = ""
    for node in group.items:
        match node:
            case Sign(sign, Kind.LETTER | Kind.NUMBER | Kind.SPACE | Kind.OPERATOR):
                text += sign
            case Blank():
                continue
            case Group():
                inner = plain(node)
                if inner is None:
                    return None
                text += inner
            case _:
                return None
    return text.strip() or None


def upright(group: Group) -> Node:
    """Return letters that form a name, such as a unit, rather than a product."""
    name = plain(group)
    letters = name is not None and len(name) > 1 and name.replace(" ", "").isalpha()
    return Sign(name, Kind.WORDS) if name is not None and letters else group


def lettered(group: Group, names: tuple[str, str]) -> Node:
    """Return letters of another alphabet; only single ones if bold, so that words stay legible."""
    letters = [node.text for node in group.items if isinstance(node, Sign) and len(node.text) == 1]
    if len(letters) != len(group.items) or (names[0] == "BOLD" and len(letters) > 2):
        return upright(group)
    return Group(tuple(Sign(_letter(text, names), Kind.LETTER) for text in letters))


def _letter(letter: str, names: tuple[str, str]) -> str:
    name = unicodedata.name(letter, "").removeprefix("LATIN ").removeprefix("GREEK ")
    name = name.replace("LETTER ", "")
    for style in (f"MATHEMATICAL {names[0]} ", f"{names[1]} "):
        try:
            return unicodedata.lookup(style + name)
        except KeyError:
            continue
    return letter
