"""The parts of an Office Open XML file, and their relations."""

from __future__ import annotations

import posixpath
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree import ElementTree

MOST_BYTES = 512 << 20
"""Maximum bytes of XML in a file: many times the longest context."""

_OFFICE_DOCUMENT = "officeDocument"


class TooLargeError(Exception):
    """The file unpacks to more than can be read."""


@dataclass(frozen=True, slots=True)
class Relation:
    """A reference from one part to another, or to an address."""

    kind: str
    """The last word of its type, such as ``header`` or ``hyperlink``."""
    target: str
    """The name of a part, or an external address."""
    is_outside: bool


class Package:
    """An open file."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        """Set up; raises TooLargeError."""
        self._archive = archive
        self._names = {name.lower(): name for name in archive.namelist()}
        if sum(part.file_size for part in archive.infolist()) > MOST_BYTES:
            raise TooLargeError

    @property
    def names(self) -> list[str]:
        """Return the names of all parts."""
        return self._archive.namelist()

    def has(self, part: str) -> bool:
        """Return whether there is such a part."""
        return part.lower() in self._names

    def read(self, part: str) -> bytes:
        """Return the bytes of a part; raises KeyError."""
        return self._archive.read(self._names[part.lower()])

    def tree(self, part: str) -> ElementTree.Element:
        """Return a small part as a tree; raises KeyError, ElementTree.ParseError."""
        return ElementTree.fromstring(self.read(part))

    def main(self) -> str:
        """Return the name of the main part; raises KeyError."""
        for relation in self.relations("").values():
            if relation.kind == _OFFICE_DOCUMENT:
                return relation.target
        raise KeyError(_OFFICE_DOCUMENT)

    def relations(self, part: str) -> dict[str, Relation]:
        """Return a part's relations by name."""
        folder, file = posixpath.split(part)
        name = posixpath.join(folder, "_rels", f"{file}.rels")
        if not self.has(name):
            return {}
        return {
            entry.get("Id", ""): _relation(entry, folder)
            for entry in self.tree(name)
            if entry.get("Target")
        }

    def related(self, part: str, *kinds: str) -> Iterator[Relation]:
        """Yield the parts of some kinds that a part refers to, sorted by name."""
        found = [
            relation
            for relation in self.relations(part).values()
            if relation.kind in kinds and not relation.is_outside and self.has(relation.target)
        ]
        yield from sorted(found, key=lambda each: (kinds.index(each.kind), each.target))


def _relation(entry: ElementTree.Element, folder: str) -> Relation:
    target = entry.get("Target", "")
    is_outside = entry.get("TargetMode") == "External"
    if not is_outside:
        target = posixpath.normpath(posixpath.join("/", folder, target)).lstrip("/")
    return Relation(entry.get("Type", "").rpartition("/")[2], target, is_outside)
