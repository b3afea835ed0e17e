"""The text of a presentation: slides in order, each with its notes and charts."""

from __future__ import annotations

from collections.abc import Iterator

from localqwq.documents.office.blocks import Block, joined
from localqwq.documents.office.collector import BODY, Collector
from localqwq.documents.office.markup import MarkupReader
from localqwq.documents.office.package import Package

_BESIDE = {
    "notesSlide": "Notes:",
    "comments": "Comments:",
    "chart": "Chart:",
    "diagramData": "Diagram:",
}


def text(package: Package) -> str:
    """Return the text of a presentation as Markdown.

    Raises:
        KeyError, ElementTree.ParseError, expat.ExpatError: the file is damaged.
    """
    blocks: list[Block] = []
    for number, slide in enumerate(_slides(package), 1):
        blocks.append(Block(f"## Slide {number}"))
        blocks += _read(package, slide)
        for relation in package.related(slide, *_BESIDE):
            found = _read(package, relation.target)
            if found:
                blocks += [Block(_BESIDE[relation.kind]), *found]
    return joined(blocks)


def _slides(package: Package) -> Iterator[str]:
    """Yield the parts of the slides in order."""
    main = package.main()
    relations = package.relations(main)
    for element in package.tree(main).iter():
        if element.tag.rpartition("}")[2] == "sldId":
            # It has an `id` without a namespace, too.
            for name, value in element.items():
                if name.endswith("}id") and value in relations:
                    yield relations[value].target


def _read(package: Package, part: str) -> list[Block]:
    collector = Collector()
    MarkupReader(collector, is_tight=True).read(package.read(part))
    return collector.sections[BODY]
