"""The text of a word processor's file: body, headers, footers, notes, comments, text boxes."""

from __future__ import annotations

from xml.etree import ElementTree

from localqwq.documents.office import numbering
from localqwq.documents.office.blocks import Block, joined
from localqwq.documents.office.collector import BODY, Collector
from localqwq.documents.office.markup import MarkupReader
from localqwq.documents.office.package import Package

_PLACES = {
    "header": "Header",
    "footer": "Footer",
    "footnotes": "Footnotes",
    "endnotes": "Endnotes",
    "comments": "Comments",
    "chart": "Charts",
    "diagramData": "Diagrams",
}
"""The parts beside the body, by kind of relation, with their titles."""


def text(package: Package) -> str:
    """Return the text of a document as Markdown.

    Raises:
        KeyError, ElementTree.ParseError, expat.ExpatError: the file is damaged.
    """
    main = package.main()
    labels = numbering.read(_tree(package, main, "styles"), _tree(package, main, "numbering"))
    collector = Collector()
    _read(package, main, collector, labels)
    for relation in package.related(main, *_PLACES):
        collector.begin_place(_PLACES[relation.kind])
        _read(package, relation.target, collector, labels)
        collector.end_place()
    return with_places(collector)


def with_places(collector: Collector) -> str:
    """Return the body, followed by each other place under its title.

    Repeated text, such as the headers of sections, appears once.
    """
    blocks = list(collector.sections[BODY])
    for place, found in collector.sections.items():
        if place != BODY and found:
            once = {block.text: block for block in found}
            blocks += [Block(f"**{place}**"), *once.values()]
    return joined(blocks)


def _read(package: Package, part: str, collector: Collector, labels: numbering.Numbering) -> None:
    links = {
        name: relation.target
        for name, relation in package.relations(part).items()
        if relation.kind == "hyperlink" and relation.is_outside
    }
    MarkupReader(collector, links, labels).read(package.read(part))


def _tree(package: Package, main: str, kind: str) -> ElementTree.Element | None:
    found = next(package.related(main, kind), None)
    return None if found is None else package.tree(found.target)
