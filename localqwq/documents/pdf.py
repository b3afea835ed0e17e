"""The text of a PDF: its lines, filled form fields, and notes on its pages."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path

from localqwq.documents import library
from localqwq.documents.extract import Extract


def extract(path: Path) -> Extract:
    """Return the text of a PDF.

    Plain text has every line. Markdown of a PDF is a guess: it merges lines into paragraphs, and
    takes short ones at page edges for decoration.

    Raises:
        UnreadableError: the file is damaged, or protected by a password.
    """
    from kreuzberg import PageConfig, PdfConfig

    found = library.extracted(
        path,
        "pdf",
        "application/pdf",
        output_format="plain",
        pages=PageConfig(extract_pages=True),
        pdf_options=PdfConfig(extract_annotations=True),
    )
    notes = [
        f"- Page {note.page_number}: {note.content.strip()}"
        for note in found.annotations or ()
        if note.content and note.content.strip()
    ]
    fields, files = _fields_and_files(path)
    parts = [found.content.replace("\r\n", "\n").strip("\n")]
    for title, lines in (("Form fields", fields), ("Notes", notes)):
        if lines:
            parts.append(f"**{title}**\n\n" + "\n".join(lines))
    remarks = []
    empty = [page["page_number"] for page in found.pages or () if not page["content"].strip()]
    if empty and len(empty) < len(found.pages or ()):
        remarks.append(f"{_pages(empty)} no text; pictures of text cannot be read")
    if files:
        remarks.append(f"files inside it are left out: {', '.join(files)}")
    return Extract("\n\n".join(part for part in parts if part), tuple(remarks))


def _fields_and_files(path: Path) -> tuple[list[str], list[str]]:
    """Return the filled fields of a form, one per line, and the names of embedded files.

    Nothing if that part of the file is damaged: its pages may be intact.
    """
    from pypdf import PdfReader
    from pypdf.errors import PyPdfError

    logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # it would write to standard error
    try:
        reader = PdfReader(path)
        fields = reader.get_fields() or {}
        lines = [
            f"- {name}: {value}"
            for name, field in fields.items()
            if (value := str(field.get("/V") or "").removeprefix("/").strip())
        ]
        return lines, sorted(reader.attachments)
    except (PyPdfError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return [], []


def _pages(numbers: Sequence[int]) -> str:
    """Return the pages as people write them, and the verb that follows."""
    ranges = [f"{low}–{high}" if high > low else f"{low}" for low, high in _ranges(numbers)]
    many = len(numbers) > 1
    return f"{'pages' if many else 'page'} {', '.join(ranges)} {'have' if many else 'has'}"


def _ranges(numbers: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield the first and last of consecutive numbers."""
    first = last = numbers[0]
    for number in numbers[1:]:
        if number != last + 1:
            yield first, last
            first = number
        last = number
    yield first, last
