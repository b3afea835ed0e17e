"""The text of OpenDocument files: texts, sheets and presentations, with everything beside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from xml.parsers import expat

from localqwq.documents.office.blocks import Block
from localqwq.documents.office.collector import Collector, Paragraph
from localqwq.documents.office.package import Package
from localqwq.documents.office.word import with_places

_TEXT = "urn:oasis:names:tc:opendocument:xmlns:text:1.0"
_UNSEEN = frozenset({"tracked-changes", "ruby-text", "sequence-decls"})
_HEADERS = frozenset({"header", "header-left", "header-first"})
_FOOTERS = frozenset({"footer", "footer-left", "footer-first"})
_CELLS = frozenset({"table-cell", "covered-table-cell"})
_VALUES = ("string-value", "date-value", "time-value", "boolean-value", "value")
_GAPS = {"tab": "\t", "line-break": "\n"}
_MOST_REPEATED = 1000
"""Programs fill the rest of a sheet with a cell repeated a million times."""


def text(package: Package) -> str:
    """Return the text of the file as Markdown.

    Raises:
        KeyError, expat.ExpatError: the file is damaged.
    """
    collector = Collector()
    reader = _Reader(collector)
    if package.has("styles.xml"):
        reader.read(package.read("styles.xml"), is_body=False)
    reader.read(package.read("content.xml"), is_body=True)
    return with_places(collector)


@dataclass(slots=True)
class _Cell:
    """A cell that has begun."""

    times: int
    value: str
    formula: str


class _Reader:
    """Reads the parts of a file into a collector, styles first."""

    def __init__(self, collector: Collector) -> None:
        self._collector = collector
        self._is_body = True
        self._unseen = 0
        self._within: list[str] = []
        self._spaces: list[str] = []
        """The namespace of each open element."""
        self._cells: list[_Cell] = []
        self._rows: list[int] = []
        """How often each open row is repeated."""
        self._lists: list[tuple[str, int]] = []
        """The style of each open list, and the number of its items."""
        self._label = ""
        """What precedes the next paragraph."""
        self._numbered: set[tuple[str, int]] = set()
        """The styles of lists, with their numbered levels."""
        self._style = ""
        """The list style being read."""
        self._slides = 0
        self._note = ""
        """The number of the footnote being read."""

    def read(self, data: bytes, is_body: bool) -> None:
        """Read a part; outside the body, only headers and footers are used."""
        self._is_body = is_body
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        parser.Parse(data, True)

    def _start(self, element: str, attributes: Mapping[str, str]) -> None:
        space, _, name = element.rpartition(" ")
        if self._unseen or name in _UNSEEN:
            self._unseen += 1
            return
        self._within.append(name)
        self._spaces.append(space)
        values = {key.rpartition(" ")[2]: value for key, value in attributes.items()}
        match name:
            case "p" | "h" if space == _TEXT:
                self._begin_paragraph(name, values)
            case "s" if space == _TEXT:
                self._collector.say(" " * _times(values.get("c")))
            case "a" if space == _TEXT:
                self._collector.begin_link(values.get("href", ""))
            case "list":
                outer = self._lists[-1][0] if self._lists else ""
                self._lists.append((values.get("style-name", outer), 0))
            case "list-item":
                self._begin_item()
            case "list-style":
                self._style = values.get("name", "")
            case "list-level-style-number" if values.get("num-format"):
                self._numbered.add((self._style, _times(values.get("level"))))
            case "table":
                self._begin_table(values.get("name", ""))
            case "table-row":
                self._rows.append(_times(values.get("number-rows-repeated")))
                self._collector.begin_row()
            case "page" if "presentation" in self._within:
                self._slides += 1
                self._collector.add(Block(f"## Slide {self._slides}"))
            case "notes":
                self._collector.add(Block("Notes:"))
            case "annotation":
                self._collector.begin_place("Comments")
            case "note-body":
                self._collector.begin_place("Footnotes")
                self._label = f"[^{self._note}]: "
            case _ if name in _HEADERS:
                self._collector.begin_place("Header")
            case _ if name in _FOOTERS:
                self._collector.begin_place("Footer")
            case _ if name in _CELLS:
                self._begin_cell(values)
            case _ if name in _GAPS:
                self._collector.say(_GAPS[name])

    def _end(self, element: str) -> None:
        if self._unseen:
            self._unseen -= 1
            return
        name = self._within.pop()
        space = self._spaces.pop()
        match name:
            case "p" | "h" if space == _TEXT:
                self._collector.end_paragraph()
            case "a" if space == _TEXT:
                self._collector.end_link()
            case "list":
                self._lists.pop()
            case "table":
                self._collector.end_table()
            case "table-row":
                self._collector.end_row(self._rows.pop())
            case "annotation" | "note-body":
                self._collector.end_place()
            case "note-citation":
                self._collector.say(f"[^{self._note}]")
            case _ if name in _HEADERS or name in _FOOTERS:
                self._collector.end_place()
            case _ if name in _CELLS:
                self._end_cell(self._cells.pop())

    def _characters(self, text: str) -> None:
        if self._unseen or not self._within or not self._is_shown():
            return
        if self._within[-1] == "note-citation":
            self._note = text
        elif self._spaces[-1] == _TEXT:
            # Line ends and indents of the XML are single spaces.
            self._collector.say(" ".join(text.splitlines()) if "\n" in text else text)

    def _is_shown(self) -> bool:
        return self._is_body or any(name in _HEADERS | _FOOTERS for name in self._within)

    def _begin_paragraph(self, name: str, values: Mapping[str, str]) -> None:
        label = self._label
        self._label = ""
        if name == "h":
            label += "#" * min(_times(values.get("outline-level")), 6) + " "
        is_tight = bool(self._lists) or "presentation" in self._within
        self._collector.begin_paragraph(Paragraph(label, is_tight=is_tight))

    def _begin_item(self) -> None:
        if not self._lists:
            return
        style, count = self._lists[-1]
        self._lists[-1] = style, count + 1
        depth = len(self._lists)
        mark = f"{count + 1}. " if (style, depth) in self._numbered else "- "
        self._label = "  " * (depth - 1) + mark

    def _begin_table(self, name: str) -> None:
        if "spreadsheet" in self._within and name and not self._cells:
            self._collector.add(Block(f"## {name}"))
        self._collector.begin_table()

    def _begin_cell(self, values: Mapping[str, str]) -> None:
        value = next((values[key] for key in _VALUES if values.get(key)), "")
        times = _times(values.get("number-columns-repeated"))
        self._cells.append(_Cell(times, value, values.get("formula", "")))
        self._collector.begin_cell()

    def _end_cell(self, cell: _Cell) -> None:
        value = cell.value or cell.formula  # of a formula that was never calculated
        self._collector.end_cell(value=value, times=cell.times)


def _times(text: str | None) -> int:
    found = int(text) if text and text.isdecimal() and len(text) < 9 else 1
    return max(1, min(found, _MOST_REPEATED))
