"""The library that reads most kinds of documents, with its errors translated."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from localqwq.documents.extract import UnreadableError

if TYPE_CHECKING:
    from kreuzberg import ExtractionResult


_ESCAPED = re.compile(r"\\([!-/:-@\[-`{}~])")
"""A character that Markdown would interpret; the bar in tables stays escaped."""


def markdown(path: Path, kind: str) -> str:
    """Return a document as Markdown without needless escapes.

    Raises UnreadableError.
    """
    found = extracted(path, kind, output_format="markdown").content
    return _ESCAPED.sub(r"\1", found).replace("&#9;", "\t")


def extracted(path: Path, kind: str, mime: str | None = None, **options: Any) -> ExtractionResult:
    """Return the library's result for a file.

    Args:
        path: the file.
        kind: its suffix, without the dot.
        mime: its type, if the suffix may not tell.
        options: fields of the library's ``ExtractionConfig``.

    Raises:
        UnreadableError: the file is damaged, of another kind, or protected.
    """
    from kreuzberg import ExtractionConfig, KreuzbergError, extract_file_sync

    config = ExtractionConfig(use_cache=False, **options)
    try:
        if mime is not None:
            return extract_file_sync(path, mime, config=config)
        return extract_file_sync(path, config=config)
    except KreuzbergError as error:
        said = str(error).lower()
        if "password" in said or "encrypt" in said:
            raise UnreadableError("it is protected by a password") from error
        raise UnreadableError(f"it is damaged, or not a .{kind} file") from error
