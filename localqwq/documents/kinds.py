"""Recognizing documents by their suffix or their first bytes."""

from __future__ import annotations

from pathlib import Path

HTML = frozenset({"html", "htm", "xhtml"})
WORD = frozenset({"docx", "docm", "dotx"})
SLIDES = frozenset({"pptx", "pptm", "ppsx"})
SHEETS = frozenset({"xlsx", "xlsm"})
OPEN_DOCUMENTS = frozenset({"odt", "ods", "odp", "ott", "ots", "otp"})
BOOKS = frozenset({"epub"})
MAILS = frozenset({"eml"})
OUTLOOK_MAILS = frozenset({"msg"})
OLDER = frozenset({"doc", "ppt", "xls"})
RICH_TEXT = frozenset({"rtf"})
PDF = frozenset({"pdf"})

KINDS = frozenset().union(
    HTML, WORD, SLIDES, SHEETS, OPEN_DOCUMENTS, BOOKS, MAILS, OUTLOOK_MAILS, OLDER, RICH_TEXT, PDF
)
"""Suffixes, without the dot, of files that contain text but are not plain text."""

_PDF_MARK = b"%PDF-"


def kind_of(path: Path) -> str | None:
    """Return which of the ``KINDS`` a file is; None for what can only be plain text.

    Raises OSError if it cannot be read.
    """
    ending = path.suffix.lower().removeprefix(".")
    if ending in KINDS:
        return ending
    with path.open("rb") as file:
        return "pdf" if file.read(len(_PDF_MARK)) == _PDF_MARK else None
