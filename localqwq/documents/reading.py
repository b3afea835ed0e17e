"""The text of a file: plain text as it is, PDF and office files through their own reader."""

from __future__ import annotations

import codecs
import subprocess
from pathlib import Path

from localqwq import children
from localqwq.errors import LocalqwqError

MOST_BYTES = 32 << 20
"""Of a file; the longest context holds a hundredth of that as text."""
FORMATS = frozenset(
    f".{suffix}"
    for suffixes in ("pdf doc docx odt rtf epub", "ppt pptx odp xls xlsx ods", "eml msg")
    for suffix in suffixes.split()
)
"""Suffixes of files that are no text themselves but hold some."""
_PATIENCE = 60.0
"""Seconds for reading a document: a few thousand pages."""
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def read_document(path: Path) -> str:
    """The text of a file.

    May take seconds for long documents.

    Raises:
        LocalqwqError: there is no such file, it is too large, or no text can be read from it.
    """
    try:
        if path.is_dir():
            raise LocalqwqError(f"{path} is a folder: attach the files in it one by one.")
        if not path.is_file():
            raise LocalqwqError(f"There is no file {path}.")
        size = path.stat().st_size
        if size > MOST_BYTES:
            raise LocalqwqError(
                f"{path.name} has {size >> 20} MiB; files of up to {MOST_BYTES >> 20} MiB can be "
                "attached, so cut out what matters."
            )
        if path.suffix.lower() in FORMATS:
            return _extracted(path)
        return decoded(path.read_bytes(), path.name)
    except OSError as error:
        raise LocalqwqError(f"{path} cannot be read ({error.strerror or error}).") from error


def decoded(data: bytes, name: str) -> str:
    """The text in these bytes: UTF-8, UTF-16 with its mark, or else Windows-1252.

    Raises LocalqwqError for what is no text at all.
    """
    encoding = next((known for mark, known in _MARKS if data.startswith(mark)), None)
    if encoding is None and b"\0" in data:
        raise LocalqwqError(f"{name} is no text file, so there is nothing in it to read.")
    for attempt in (encoding,) if encoding else ("utf-8", "cp1252"):
        try:
            text = data.decode(attempt)
        except UnicodeDecodeError:
            continue
        return text.replace("\r\n", "\n").replace("\r", "\n")
    raise LocalqwqError(f"{name} is in no encoding that can be read: save it as UTF-8.")


def _extracted(path: Path) -> str:
    """The text of a document, read in a child process: such files are made to crash readers."""
    command = children.command("localqwq.documents", str(path.absolute()))
    try:
        done = children.run(command, timeout=_PATIENCE)
    except subprocess.TimeoutExpired:
        raise LocalqwqError(
            f"{path.name} was not read within {_PATIENCE:.0f} seconds: save it as text."
        ) from None
    if done.returncode == 0:
        text = done.stdout.decode()
        if not text.strip():
            raise LocalqwqError(
                f"{path.name} has no text in it; pages that are pictures cannot be read."
            )
        return text
    said = [line for line in done.stderr.decode(errors="replace").splitlines() if line.strip()]
    why = said[-1].removeprefix("error: ") if said and done.returncode == 1 else "its reader died"
    raise LocalqwqError(f"{path.name} could not be read ({why}): save it as text.")
