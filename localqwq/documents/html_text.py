"""HTML as readable text, without scripts and styles."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html.parser import HTMLParser

_PARAGRAPHS = re.compile(
    "p|h[1-6]|hr|ul|ol|dl|table|blockquote|pre|form|fieldset|figure|header|footer|nav|main|aside"
    "|section|article|address|details|title"
)
"""Elements with an empty line around them."""
_LINES = re.compile(
    "br|div|li|dt|dd|tr|caption|figcaption|summary|option|optgroup|label|button|textarea|select"
    "|legend|body|head|html|center|iframe|object|video|audio|canvas|noscript|template"
)
"""Elements that begin and end a line."""
_UNSHOWN_INPUTS = frozenset({"hidden", "password", "checkbox", "radio", "image", "file"})
_SPACE = re.compile(r"[ \t\n\r\f\xa0]+")

_BEGUN = -1
"""A piece after a bullet and before a cell: breaks after it would separate them from their text."""

Attributes = Sequence[tuple[str, str | None]]


@dataclass(frozen=True, slots=True)
class HtmlText:
    """The text of a page."""

    text: str
    has_scripts: bool
    """Whether scripts or styles were left out."""


def html_text(markup: str) -> HtmlText:
    """Return the text of HTML, however broken, with Markdown for its structure."""
    reader = _Reader()
    reader.feed(markup)
    reader.close()
    return HtmlText(_joined(reader.pieces), reader.has_scripts)


def _joined(pieces: Sequence[str | int]) -> str:
    """Return the joined text of pieces; numbers among them request that many line feeds."""
    found: list[str] = []
    at_start = True
    feeds = 0
    for piece in pieces:
        if isinstance(piece, int):
            feeds = max(feeds, piece)
            continue
        if feeds and not at_start:
            found.append("\n" * feeds)
        feeds = 0
        found.append(piece)
        at_start = at_start and not piece
    return re.sub(r" +(?=\n|$)", "", "".join(found))


class _Reader(HTMLParser):
    """Collects the pieces of a page: text, and the breaks that elements request."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str | int] = []
        self.has_scripts = False
        self._unseen = False
        self._verbatim = 0
        self._lists: list[int | None] = []
        """The number of the last item of each open list; None for bullets."""
        self._cells: list[int] = []
        """The number of cells of each open row."""
        self._link: tuple[str, int] | None = None
        """The address of the open link, and how many pieces came before it."""

    def handle_starttag(self, tag: str, attrs: Attributes) -> None:
        """Begin an element."""
        values = {name: value or "" for name, value in attrs}
        self._break(tag)
        match tag:
            case "script" | "style":
                self._unseen = True
            case "h1" | "h2" | "h3" | "h4" | "h5" | "h6":
                self.pieces += ["#" * int(tag[1]) + " ", _BEGUN]
            case "ul" | "ol":
                start = values.get("start", "")
                number = int(start) - 1 if re.fullmatch(r"\d{1,6}", start) else 0
                self._lists.append(number if tag == "ol" else None)
            case "li":
                self.pieces += [self._bullet(), _BEGUN]
            case "pre" | "textarea":
                self._verbatim += 1
            case "tr":
                self._cells.append(0)
            case "td" | "th":
                self._begin_cell()
            case "a":
                self._link = values.get("href", "").strip(), len(self.pieces)
            case "img":
                self._say(values.get("alt", ""))
            case "input" if values.get("type", "text").lower() not in _UNSHOWN_INPUTS:
                self._say(values.get("value", "") or values.get("placeholder", ""))

    def handle_startendtag(self, tag: str, attrs: Attributes) -> None:
        """Begin an element that XHTML ends immediately."""
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        """End an element; one that was never begun is ignored."""
        match tag:
            case "script" | "style":
                self._unseen = False
            case "ul" | "ol" if self._lists:
                self._lists.pop()
            case "pre" | "textarea":
                self._verbatim = max(0, self._verbatim - 1)
            case "td" | "th":
                self._end_cell()
            case "tr" if self._cells:
                self._end_cell()
                self._cells.pop()
            case "a" if self._link:
                self._end_link(*self._link)
        self._break(tag)

    def handle_data(self, data: str) -> None:
        """Add text."""
        if self._unseen:
            self.has_scripts = self.has_scripts or bool(data.strip())
        elif self._verbatim:
            self.pieces.append(data.replace("\r\n", "\n"))
        else:
            text = _SPACE.sub(" ", data)
            before = self.pieces[-1] if self.pieces else 1
            if text.startswith(" ") and (isinstance(before, int) or before.endswith(" ")):
                text = text[1:]
            if text:
                self.pieces.append(text)

    def _say(self, text: str) -> None:
        """Add text from an attribute, separated from its surroundings."""
        if text.strip():
            self.handle_data(f" {text} ")

    def _break(self, tag: str) -> None:
        feeds = 2 if _PARAGRAPHS.fullmatch(tag) else 1 if _LINES.fullmatch(tag) else 0
        if tag in ("ul", "ol") and self._lists:
            feeds = 1
        if feeds and self.pieces and self.pieces[-1] != _BEGUN:
            self.pieces.append(feeds)

    def _bullet(self) -> str:
        indent = "  " * (len(self._lists) - 1)
        number = self._lists[-1] if self._lists else None
        if number is None:
            return f"{indent}- "
        self._lists[-1] = number + 1
        return f"{indent}{number + 1}. "

    def _begin_cell(self) -> None:
        self._end_cell()
        if self._cells:
            if self._cells[-1]:
                self.pieces.append(" | ")
            self._cells[-1] += 1
        self.pieces.append(_BEGUN)

    def _end_cell(self) -> None:
        """Drop the breaks at the end of a cell, so that the next one is on the same line."""
        while self._cells and self._cells[-1] and isinstance(self.pieces[-1], int):
            if self.pieces.pop() == _BEGUN:
                break

    def _end_link(self, address: str, begins: int) -> None:
        """Add a link's address, unless its text contains it."""
        self._link = None
        text = "".join(piece for piece in self.pieces[begins:] if isinstance(piece, str)).strip()
        if address.startswith(("http://", "https://", "mailto:")):
            bare = address.removeprefix("mailto:")
            if bare.rstrip("/") != text.rstrip("/"):
                self.pieces.append(f" ({bare})")
