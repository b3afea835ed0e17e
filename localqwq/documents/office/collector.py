"""Paragraphs and tables as a reader of XML comes upon them, put in order."""

from __future__ import annotations

from dataclasses import dataclass, field

from localqwq.documents.office.blocks import Block, Table

BODY = ""
"""The place of what is not beside the text, as a header is."""


@dataclass(slots=True)
class Paragraph:
    """A paragraph that has begun."""

    label: str = ""
    """What stands before its text: the number of an item, or a mark of Markdown."""
    pieces: list[str] = field(default_factory=list)
    is_tight: bool = False


class Collector:
    """Takes paragraphs, cells and rows in the order of a file.

    A paragraph may hold another one, as in a text box, which then stands before it, and a cell may
    hold a table.
    """

    def __init__(self) -> None:
        self.sections: dict[str, list[Block]] = {BODY: []}
        """What was found, by place."""
        self._targets: list[list[Block]] = [self.sections[BODY]]
        self._paragraphs: list[Paragraph] = []
        self._tables: list[Table] = []
        self._link: tuple[str, int] | None = None
        """Where the open link leads, and how many pieces of the paragraph there were before it."""

    def begin_place(self, place: str) -> None:
        """What follows stands at another place, until `end_place`."""
        self._targets.append(self.sections.setdefault(place, []))

    def end_place(self) -> None:
        """Go back to the place before."""
        self._targets.pop()

    def add(self, block: Block) -> None:
        """Take a whole block."""
        self._targets[-1].append(block)

    def begin_paragraph(self, paragraph: Paragraph) -> None:
        """Begin a paragraph; what `say` gets belongs to it until its end."""
        self._paragraphs.append(paragraph)

    @property
    def paragraph(self) -> Paragraph | None:
        """The paragraph that has begun last and has not ended."""
        return self._paragraphs[-1] if self._paragraphs else None

    def say(self, text: str) -> None:
        """Take text; what stands in no paragraph is not shown to people either."""
        if self._paragraphs:
            self._paragraphs[-1].pieces.append(text)

    def end_paragraph(self) -> None:
        """Put the paragraph where it belongs, if there is anything in it."""
        paragraph = self._paragraphs.pop()
        text = "".join(paragraph.pieces)
        if text.strip():
            text = paragraph.label + (text.lstrip() if paragraph.label else text.strip("\n"))
            self.add(Block(text.rstrip(), paragraph.is_tight))

    def begin_link(self, address: str) -> None:
        """What follows in the paragraph leads to an address, until `end_link`."""
        if self._paragraphs and ":" in address:
            self._link = address, len(self._paragraphs[-1].pieces)

    def end_link(self) -> None:
        """Say where the link leads, unless its text says it."""
        if self._link is not None and self._paragraphs:
            address, begins = self._link
            pieces = self._paragraphs[-1].pieces
            bare = address.removeprefix("mailto:")
            if "".join(pieces[begins:]).strip().rstrip("/") != bare.rstrip("/"):
                pieces.append(f" ({bare})")
        self._link = None

    def begin_table(self) -> None:
        """Begin a table."""
        self._tables.append(Table())

    def begin_row(self) -> None:
        """Begin a row of the table."""
        if self._tables:
            self._tables[-1].rows.append([])

    def begin_cell(self) -> None:
        """Begin a cell of the row."""
        self._targets.append([])

    def end_cell(self, times: int = 1, span: int = 1, value: str = "") -> None:
        """End a cell that stands there so many times, each as wide as so many columns.

        `value` is shown where it has no text.
        """
        blocks = self._targets.pop()
        if not self._tables or not self._tables[-1].rows:
            self._targets[-1] += blocks
            return
        text = " ".join(" ".join(block.text.split()) for block in blocks) or value
        self._tables[-1].rows[-1] += [text, *[""] * (span - 1)] * times

    def end_row(self, times: int = 1) -> None:
        """End a row that stands there so many times."""
        rows = self._tables[-1].rows if self._tables else []
        if times > 1 and rows and any(rows[-1]):
            rows += [rows[-1]] * (times - 1)

    def end_table(self) -> None:
        """Put the table where it belongs."""
        block = self._tables.pop().block()
        if block is not None:
            self.add(block)
