"""Paragraph numbers in a word processor's file, which stores only rules for them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from xml.etree import ElementTree

_WORD = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_STRICT = "{http://purl.oclc.org/ooxml/wordprocessingml/main}"
_ROMAN = (
    (1000, "M"), (900, "CM"), (500, "D"), (400, "CD"), (100, "C"), (90, "XC"), (50, "L"),
    (40, "XL"), (10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I"),
)  # fmt: skip
_MOST_LEVELS = 9


@dataclass(frozen=True, slots=True)
class Level:
    """How the items of one level of a list are numbered."""

    start: int = 1
    form: str = "decimal"
    text: str = "%1."
    """A pattern in which ``%1`` is the number of the first level, and so on."""


@dataclass(frozen=True, slots=True)
class Style:
    """A style's heading level and list."""

    heading: int = 0
    """1 for the highest heading, 0 for no heading."""
    number: str = ""
    """The list of its paragraphs."""
    level: int = 0


@dataclass(slots=True)
class Numbering:
    """The lists and styles of a file, and the current number of each list."""

    lists: Mapping[str, str] = field(default_factory=dict)
    """The rules that each list follows."""
    rules: Mapping[str, Mapping[int, Level]] = field(default_factory=dict)
    styles: Mapping[str, Style] = field(default_factory=dict)
    _counts: dict[str, list[int]] = field(default_factory=dict)

    def label(self, style: str, number: str | None, level: int | None) -> tuple[str, bool]:
        """Return what precedes the next paragraph, and whether that is a list item.

        ``number`` and ``level`` are the paragraph's own; None if only its style has them.
        """
        found = self.styles.get(style, Style())
        heading = "#" * min(found.heading, 6) + " " if found.heading else ""
        rules = self.lists.get(found.number if number is None else number, "")
        depth = min(max(found.level if level is None else level, 0), _MOST_LEVELS - 1)
        if not rules:
            return heading, False
        label = self._counted(rules, depth)
        if heading:
            return heading + label, False
        return "  " * depth + label, bool(label)

    def _counted(self, rules: str, depth: int) -> str:
        levels = self.rules.get(rules, {})
        counts = self._counts.setdefault(rules, [])
        while len(counts) <= depth:
            counts.append(levels.get(len(counts), Level()).start - (len(counts) == depth))
        del counts[depth + 1 :]
        counts[depth] += 1
        rule = levels.get(depth, Level())
        if rule.form == "bullet":
            return "- "
        if rule.form == "none" or not rule.text:
            return ""

        def shown(match: re.Match[str]) -> str:
            place = int(match.group(1)) - 1
            if not 0 <= place < len(counts):
                return ""
            return _number(counts[place], levels.get(place, Level()).form)

        return re.sub(r"%(\d)", shown, rule.text).strip() + " "


def read(styles: ElementTree.Element | None, lists: ElementTree.Element | None) -> Numbering:
    """Return the rules in the parts ``styles`` and ``numbering`` of a file."""
    rules: dict[str, dict[int, Level]] = {}
    numbers: dict[str, str] = {}
    for entry in () if lists is None else lists:
        name = _local(entry)
        if name == "abstractNum":
            rules[_value(entry, "abstractNumId")] = {
                _whole(_value(level, "ilvl")): _level(level)
                for level in entry
                if _local(level) == "lvl"
            }
        elif name == "num":
            numbers[_value(entry, "numId")] = _value(_child(entry, "abstractNumId"), "val")
    return Numbering(numbers, rules, {} if styles is None else _styles(styles))


def _level(entry: ElementTree.Element) -> Level:
    form = _value(_child(entry, "numFmt"), "val") or "decimal"
    start = _value(_child(entry, "start"), "val")
    return Level(_whole(start, 1), form, _value(_child(entry, "lvlText"), "val"))


def _styles(root: ElementTree.Element) -> dict[str, Style]:
    """Return the styles' properties, including inherited ones."""
    entries = {_value(entry, "styleId"): entry for entry in root if _local(entry) == "style"}
    return {name: _style(entries, name) for name in entries}


def _style(entries: Mapping[str, ElementTree.Element], name: str) -> Style:
    heading, number, level = 0, "", 0
    seen: set[str] = set()
    while name in entries and name not in seen:
        seen.add(name)
        entry = entries[name]
        properties = _child(entry, "pPr")
        listed = _child(properties, "numPr")
        outline = _value(_child(properties, "outlineLvl"), "val")
        title = re.fullmatch(
            r"(?:heading (\d)|title)", _value(_child(entry, "name"), "val").lower()
        )
        if not heading and title is not None:
            heading = _whole(title.group(1) or "1", 1)
        elif not heading and outline and _whole(outline) < _MOST_LEVELS:
            heading = _whole(outline) + 1
        if not number and listed is not None:
            number = _value(_child(listed, "numId"), "val")
            level = _whole(_value(_child(listed, "ilvl"), "val"))
        name = _value(_child(entry, "basedOn"), "val")
    return Style(heading, number, level)


def _number(count: int, form: str) -> str:
    if form in ("lowerLetter", "upperLetter") and count > 0:
        letter = chr(ord("a") + (count - 1) % 26) * ((count - 1) // 26 + 1)
        return letter.upper() if form == "upperLetter" else letter
    if form in ("lowerRoman", "upperRoman") and 0 < count < 4000:
        text = ""
        for value, sign in _ROMAN:
            text += sign * (count // value)
            count %= value
        return text if form == "upperRoman" else text.lower()
    return str(count)


def _local(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


def _child(element: ElementTree.Element | None, name: str) -> ElementTree.Element | None:
    children = () if element is None else tuple(element)
    return next((child for child in children if _local(child) == name), None)


def _value(element: ElementTree.Element | None, name: str) -> str:
    if element is None:
        return ""
    return element.get(_WORD + name) or element.get(_STRICT + name) or ""


def _whole(text: str, otherwise: int = 0) -> int:
    return int(text) if re.fullmatch(r"\d{1,6}", text) else otherwise
