"""The contents of a workbook beside its cells, and formulas without a calculated value."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

from localqwq.documents.office.blocks import Block, joined
from localqwq.documents.office.collector import BODY, Collector
from localqwq.documents.office.markup import MarkupReader
from localqwq.documents.office.package import Package

_UNCALCULATED = re.compile(
    rb"<(?P<x>(?:\w+:)?)c\b[^>]*?\br=\"(?P<cell>[A-Z]{1,3}\d{1,7})\"[^>]*>\s*"
    rb"<(?P=x)f\b(?:[^>]*/>|[^>]*>(?P<formula>[^<]*)</(?P=x)f>)\s*"
    rb"(?:<(?P=x)v\s*/>|<(?P=x)v>\s*</(?P=x)v>)?\s*</(?P=x)c>"
)


def text_beside(package: Package) -> str:
    """Return comments, text boxes, charts and formulas without a value, as Markdown.

    Raises:
        KeyError, ElementTree.ParseError, expat.ExpatError: the file is damaged.
    """
    blocks: list[Block] = []
    for name, sheet in _sheets(package):
        for place, part in _beside(package, sheet):
            collector = Collector()
            MarkupReader(collector, is_tight=True).read(package.read(part))
            if collector.sections[BODY]:
                blocks += [Block(f"**{place} of {name}**"), *collector.sections[BODY]]
        formulas = [
            Block(f"{match['cell'].decode()}: {_formula(match['formula'])}", is_tight=True)
            for match in _UNCALCULATED.finditer(package.read(sheet))
        ]
        if formulas:
            blocks += [Block(f"**Formulas of {name} without a calculated value**"), *formulas]
    return joined(blocks)


def _formula(markup: bytes | None) -> str:
    """Return a formula as people write it; a shared one is stored only in its first cell."""
    text = html.unescape((markup or b"").decode("utf-8", "replace"))
    return f"={text}" if text else "the formula of a cell before it"


def _sheets(package: Package) -> Iterator[tuple[str, str]]:
    """Yield the name and the part of each sheet."""
    main = package.main()
    relations = package.relations(main)
    for element in package.tree(main).iter():
        if element.tag.rpartition("}")[2] == "sheet":
            for name, value in element.items():
                if name.endswith("}id") and value in relations:
                    yield element.get("name", ""), relations[value].target


def _beside(package: Package, sheet: str) -> Iterator[tuple[str, str]]:
    """Yield the parts of a sheet that contain text, each with a title."""
    threads = list(package.related(sheet, "threadedComment"))
    # The older form repeats the threads, with advice to get a newer program.
    for relation in threads or package.related(sheet, "comments"):
        yield "Comments", relation.target
    for drawing in package.related(sheet, "drawing"):
        yield "Text boxes", drawing.target
        for chart in package.related(drawing.target, "chart"):
            yield "Charts", chart.target
