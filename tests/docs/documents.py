"""The project's documents: their code blocks and their links."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
FENCE = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"!?\[[^\]\n]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def documents() -> list[Path]:
    """All pages that people read."""
    return sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("models/**/*.md")])


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block of code."""

    language: str
    needs: str
    """What it needs that a test has not, such as ``network``; empty: it can be run."""
    code: str


def blocks(page: Path) -> Iterator[Block]:
    """The blocks of a page, in order. ``needs=…`` behind the language says that one cannot run."""
    for match in FENCE.finditer(page.read_text(encoding="utf-8")):
        language, _, rest = match[1].partition(" ")
        yield Block(language, rest.removeprefix("needs=").strip(), match[2])


def links(page: Path) -> Iterator[str]:
    """The targets of a page's links and pictures; those in code are none."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    yield from (match[1] for match in LINK.finditer(re.sub(r"`[^`\n]*`", "", text)))


def anchors(page: Path) -> set[str]:
    """What a link can name in a page: its headings, as GitHub writes them."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    words = (re.sub(r"[^\w\- ]", "", heading[1].lower()) for heading in HEADING.finditer(text))
    return {word.strip().replace(" ", "-") for word in words}
