"""The text of an e-book: its chapters in reading order."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from urllib.parse import unquote

from localqwq.documents.encodings import decode
from localqwq.documents.html_text import html_text
from localqwq.documents.office.package import Package

_CONTAINER = "META-INF/container.xml"


def text(package: Package) -> str:
    """Return the text of all chapters.

    Raises:
        KeyError, ElementTree.ParseError: the file is damaged.
    """
    chapters = []
    for part in _spine(package):
        decoded = decode(package.read(part))
        if decoded is not None:
            chapters.append(html_text(decoded.text).text.strip())
    return "\n\n".join(chapter for chapter in chapters if chapter)


def _spine(package: Package) -> Iterator[str]:
    """Yield the parts in reading order."""
    rootfile = next(
        element.get("full-path", "")
        for element in package.tree(_CONTAINER).iter()
        if element.tag.rpartition("}")[2] == "rootfile"
    )
    folder = posixpath.dirname(rootfile)
    places: dict[str, str] = {}
    for element in package.tree(rootfile).iter():
        match element.tag.rpartition("}")[2]:
            case "item":
                href = unquote(element.get("href", "").partition("#")[0])
                places[element.get("id", "")] = posixpath.normpath(posixpath.join(folder, href))
            case "itemref" if package.has(places.get(element.get("idref", ""), "")):
                yield places[element.get("idref", "")]
