"""Reading documents of all kinds. Runs in a child process, since files may crash their readers."""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path
from xml.etree import ElementTree
from xml.parsers import expat

from localqwq.documents import epub, kinds, library, mail, pdf
from localqwq.documents.encodings import decode, guessed
from localqwq.documents.extract import Extract, UnreadableError
from localqwq.documents.html_text import html_text
from localqwq.documents.office import open_document, sheets, slides, word
from localqwq.documents.office.package import Package, TooLargeError

_PACKAGES: dict[str, Callable[[Package], str]] = {
    **dict.fromkeys(kinds.WORD, word.text),
    **dict.fromkeys(kinds.SLIDES, slides.text),
    **dict.fromkeys(kinds.OPEN_DOCUMENTS, open_document.text),
    **dict.fromkeys(kinds.BOOKS, epub.text),
}
_DAMAGES = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    KeyError,
    StopIteration,
    ElementTree.ParseError,
    expat.ExpatError,
    UnicodeError,
    RecursionError,
)
"""Exceptions raised by damaged zips of XML."""
_NEWER = {"doc": "docx", "ppt": "pptx", "xls": "xlsx"}
_PROTECTED = "it is protected by a password"
_OLE_MARK = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_RTF_MARK = b"{\\rtf"
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_MANIFEST = "META-INF/manifest.xml"
_PICTURE = re.compile(r"(?:.*/)?(?:media|Pictures)/[^/]+", re.IGNORECASE)
_OBJECT = re.compile(r"(?:.*/)?embeddings/[^/]+|Object [^/]+/content\.xml", re.IGNORECASE)
_CELL_ERRORS = {
    "Div0": "#DIV/0!",
    "NA": "#N/A",
    "Name": "#NAME?",
    "Null": "#NULL!",
    "Num": "#NUM!",
    "Ref": "#REF!",
    "Value": "#VALUE!",
    "GettingData": "#GETTING_DATA",
}
"""Errors in cells, as the library names them and as programs show them."""


def extract(path: Path, kind: str) -> Extract:
    """Return the text of a file of one of the kinds.

    Raises:
        UnreadableError: it is damaged, of another kind, protected, or too large.
    """
    if kind in kinds.HTML:
        return _html(path)
    if kind in kinds.PDF:
        return pdf.extract(path)
    if kind in kinds.MAILS:
        return mail.extract(path.read_bytes())
    if kind in kinds.OUTLOOK_MAILS:
        return _outlook_mail(path, kind)
    if kind in kinds.RICH_TEXT:
        return _rich_text(path, kind)
    if kind in kinds.OLDER:
        remark = f"notes and comments are left out; save it as .{_NEWER[kind]} to include them"
        return Extract(library.markdown(path, kind), (remark,))
    try:
        return _package(path, kind)
    except _DAMAGES as error:
        raise UnreadableError(f"it is damaged, or not a .{kind} file") from error
    except RuntimeError as error:  # of an encrypted zip
        raise UnreadableError(_PROTECTED) from error
    except TooLargeError as error:
        raise UnreadableError("it unpacks to more than can be read") from error


def _html(path: Path) -> Extract:
    decoded = decode(path.read_bytes())
    if decoded is None:
        raise UnreadableError("it is not text")
    found = html_text(decoded.text)
    remarks = ["scripts and styles are left out"] if found.has_scripts else []
    if decoded.guess:
        remarks.append(guessed(decoded.guess))
    return Extract(found.text, tuple(remarks))


def _outlook_mail(path: Path, kind: str) -> Extract:
    found = library.extracted(path, kind, output_format="plain")
    files = [name for name in found.metadata.get("attachments") or () if name]
    remarks = [f"the files attached to it are left out: {', '.join(files)}"] if files else []
    return Extract(found.content.replace("\r\n", "\n"), tuple(remarks))


def _rich_text(path: Path, kind: str) -> Extract:
    with path.open("rb") as file:
        if file.read(len(_RTF_MARK)) != _RTF_MARK:
            raise UnreadableError(f"it is damaged, or not a .{kind} file")
    return Extract(library.markdown(path, kind))


def _package(path: Path, kind: str) -> Extract:
    """Read a file that is a zip of XML."""
    with path.open("rb") as file:
        if file.read(len(_OLE_MARK)) == _OLE_MARK and _ENCRYPTED in file.read():
            raise UnreadableError(_PROTECTED)
    with zipfile.ZipFile(path) as archive:
        package = Package(archive)
        if package.has(_MANIFEST) and b"encryption-data" in package.read(_MANIFEST):
            raise UnreadableError(_PROTECTED)
        remarks = () if kind in kinds.BOOKS else _left_out(package.names)
        if kind in _PACKAGES:
            return Extract(_PACKAGES[kind](package), remarks)
        beside = sheets.text_beside(package)
    cells = library.markdown(path, kind)
    cells = re.sub(r"#ERR: (\w+)", lambda error: _CELL_ERRORS.get(error[1], error[0]), cells)
    return Extract("\n\n".join(part for part in (cells.strip(), beside) if part), remarks)


def _left_out(names: Iterable[str]) -> tuple[str, ...]:
    """Return which content of an office file cannot be read as text."""
    pictures = objects = 0
    for name in names:
        pictures += _PICTURE.fullmatch(name) is not None
        objects += _OBJECT.fullmatch(name) is not None
    counted = ((pictures, "picture"), (objects, "embedded object"))
    parts = [f"{count:,} {what}{'s' if count > 1 else ''}" for count, what in counted if count]
    if not parts:
        return ()
    return (f"{' and '.join(parts)} {'are' if pictures + objects > 1 else 'is'} left out",)
