"""One part of an Office Open XML file: its paragraphs and tables, in order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol
from xml.parsers import expat

from localqwq.documents.office.collector import Collector, Paragraph

_UNSEEN = frozenset({"Fallback", "moveFrom", "rPh", "pPrChange", "rPrChange", "tblPrChange"})
"""Elements that are duplicates or obsolete: alternative forms of a shape, moved text, phonetics,
former properties. Deleted text is in elements of other names than ``t``.
"""
_GAPS = {"br": "\n", "cr": "\n", "ptab": "\t", "noBreakHyphen": "-"}
_REFERENCES = {"footnoteReference": "", "endnoteReference": "e", "commentReference": "c"}
_REFERRED = {"footnote": "", "endnote": "e", "comment": "c"}
"""Letters before the numbers of notes, to distinguish their kinds."""
_OF_SHEETS = frozenset({"comment", "threadedComment"})


class Labels(Protocol):
    """Determines what precedes a paragraph."""

    def label(self, style: str, number: str | None, level: int | None) -> tuple[str, bool]:
        """Return what precedes it, and whether it is a list item."""
        ...


class MarkupReader:
    """Reads parts into a collector."""

    def __init__(
        self,
        collector: Collector,
        links: Mapping[str, str] | None = None,
        labels: Labels | None = None,
        is_tight: bool = False,
    ) -> None:
        """Set up; ``links``: targets of the part's links; ``is_tight``: paragraphs are short
        lines.
        """
        self._collector = collector
        self._links = links or {}
        self._labels = labels
        self._is_tight = is_tight
        self._unseen = 0
        self._within: list[str] = []
        self._styles: list[tuple[str, str | None, int | None]] = []
        """Style, list and level of each open paragraph."""
        self._spans: list[int] = []
        """Columns spanned by each open cell."""
        self._ahead = ""
        """What precedes the next paragraph: the number of a note."""

    def read(self, data: bytes) -> None:
        """Read the XML of a part; raises expat.ExpatError."""
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        parser.Parse(data, True)

    def _start(self, element: str, attributes: Mapping[str, str]) -> None:
        name = element.rpartition(" ")[2]
        if self._unseen or name in _UNSEEN or _is_number_of_slide(name, attributes):
            self._unseen += 1
            return
        parent = self._within[-1] if self._within else ""
        self._within.append(name)
        values = {key.rpartition(" ")[2]: value for key, value in attributes.items()}
        match name:
            case "p" | "text" | "ser":
                self._begin_paragraph()
            case "pStyle" | "numId" | "ilvl" if self._styles:
                self._set_style(name, values.get("val", ""))
            case "tbl":
                self._collector.begin_table()
            case "tr":
                self._collector.begin_row()
            case "tc":
                self._collector.begin_cell()
                self._spans.append(1)
            case "gridSpan" if self._spans:
                self._spans[-1] = min(64, _whole(values.get("val")) or 1)
            case "tab" if parent == "r":
                self._collector.say("\t")
            case "hyperlink":
                self._collector.begin_link(self._links.get(values.get("id", ""), ""))
            case _ if name in _GAPS and parent in ("r", "p"):
                self._collector.say(_GAPS[name])
            case _ if name in _REFERENCES:
                self._collector.say(f"[^{_REFERENCES[name]}{values.get('id', '')}]")
            case _ if name in _OF_SHEETS and "ref" in values:
                self._ahead = f"{values['ref']}: "
            case _ if name in _REFERRED:
                self._ahead = f"[^{_REFERRED[name]}{values.get('id', '')}]: "

    def _end(self, element: str) -> None:
        if self._unseen:
            self._unseen -= 1
            return
        name = self._within.pop()
        match name:
            case "p" | "text" | "ser":
                self._end_paragraph()
            case "tbl":
                self._collector.end_table()
            case "tr":
                self._collector.end_row()
            case "tc":
                self._collector.end_cell(span=self._spans.pop())
            case "hyperlink":
                self._collector.end_link()
            case _ if name == "v" and "ser" in self._within:
                self._collector.say(" ")

    def _characters(self, text: str) -> None:
        if self._unseen or not self._within:
            return
        innermost = self._within[-1]
        if innermost in ("t", "text") or (innermost == "v" and "ser" in self._within):
            self._collector.say(text)

    def _begin_paragraph(self) -> None:
        self._collector.begin_paragraph(Paragraph(self._ahead, is_tight=self._is_tight))
        self._ahead = ""
        self._styles.append(("", None, None))

    def _set_style(self, name: str, value: str) -> None:
        style, number, level = self._styles[-1]
        if name == "pStyle":
            style = value
        elif name == "numId":
            number = value
        else:
            level = _whole(value)
        self._styles[-1] = style, number, level

    def _end_paragraph(self) -> None:
        paragraph = self._collector.paragraph
        style = self._styles.pop()
        if self._labels is not None and paragraph is not None and any(paragraph.pieces):
            label, is_item = self._labels.label(*style)
            paragraph.label += label
            paragraph.is_tight = is_item
        self._collector.end_paragraph()


def _is_number_of_slide(name: str, attributes: Mapping[str, str]) -> bool:
    return name == "fld" and attributes.get("type", "").startswith("slidenum")


def _whole(text: str | None) -> int:
    return int(text) if text is not None and text.isdecimal() and len(text) < 7 else 0
