"""Collecting paragraphs and tables in the order of an XML file."""

from __future__ import annotations

from dataclasses import dataclass, field

from localqwq.documents.office.blocks import Block, Table

BODY = ""
"""The name of the main text, as opposed to headers and the like."""


@dataclass(slots=True)
class Paragraph:
    """A paragraph that has begun."""

    label: str = ""
    """What precedes its text: an item's number, or Markdown."""
    pieces: list[str] = field(default_factory=list)
    is_tight: bool = False


class Collector:
    """Takes paragraphs, cells and rows in the order of a file.

    A paragraph may contain another one, as in a text box, which is then put before it, and a cell
    may contain a table.
    """

    def __init__(self) -> None:
        self.sections: dict[str, list[Block]] = {BODY: []}
        """Blocks by place."""
        self._targets: list[list[Block]] = [self.sections[BODY]]
        self._paragraphs: list[Paragraph] = []
        self._tables: list[Table] = []
        self._link: tuple[str, int] | None = None
        """The address of the open link, and how many pieces of the paragraph came before it."""

    def begin_place(self, place: str) -> None:
        """Put what follows in another place, until ``end_place``."""
        self._targets.append(self.sections.setdefault(place, []))

    def end_place(self) -> None:
        """Return to the previous place."""
        self._targets.pop()

    def add(self, block: Block) -> None:
        """Add a whole block."""
        self._targets[-1].append(block)

    def begin_paragraph(self, paragraph: Paragraph) -> None:
        """Begin a paragraph; text from ``say`` belongs to it until its end."""
        self._paragraphs.append(paragraph)

    @property
    def paragraph(self) -> Paragraph | None:
        """Return the last paragraph that has begun and not ended."""
        return self._paragraphs[-1] if self._paragraphs else None

    def say(self, text: str) -> None:
        """Add text; outside of paragraphs it is not shown to people either."""
        if self._paragraphs:
            self._paragraphs[-1].pieces.append(text)

    def end_paragraph(self) -> None:
        """Add the paragraph to its place, if it is not empty."""
        paragraph = self._paragraphs.pop()
        text = "".join(paragraph.pieces)
        if text.strip():
            text = paragraph.label + (text.lstrip() if paragraph.label else text.strip("\n"))
            self.add(Block(text.rstrip(), paragraph.is_tight))

    def begin_link(self, address: str) -> None:
        """Begin a link to an address, until ``end_link``."""
        if self._paragraphs and ":" in address:
            self._link = address, len(self._paragraphs[-1].pieces)

    def end_link(self) -> None:
        """Add the link's address, unless its text contains it."""
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
        """End a cell repeated ``times`` times and ``span`` columns wide.

        ``value`` is shown if it has no text.
        """
        blocks = self._targets.pop()
        if not self._tables or not self._tables[-1].rows:
            self._targets[-1] += blocks
            return
        text = " ".join(" ".join(block.text.split()) for block in blocks) or value
        self._tables[-1].rows[-1] += [text, *[""] * (span - 1)] * times

    def end_row(self, times: int = 1) -> None:
        """End a row repeated ``times`` times."""
        rows = self._tables[-1].rows if self._tables else []
        if times > 1 and rows and any(rows[-1]):
            rows += [rows[-1]] * (times - 1)

    def end_table(self) -> None:
        """Add the table to its place."""
        block = self._tables.pop().block()
        if block is not None:
            self.add(block)
