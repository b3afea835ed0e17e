"""Links between pages and to files resolve; the README keeps to its size."""

import re
from pathlib import Path

import pytest

from tests.docs.documents import FENCE, ROOT, anchors, documents, links

PAGES = documents()
OTHER_PLACES = (ROOT / "convert" / "localqwq_convert", ROOT / "localqwq" / "engine" / "probing")
"""Rooms within rooms whose files are named without their rooms."""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_resolve(page: Path) -> None:
    """Every relative link names a file that is there, and a heading that it has."""
    for link in links(page):
        if link.startswith(("http://", "https://")):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{page.name} links to {link}, which is not there."
        if anchor and target.suffix == ".md":
            assert anchor in anchors(target), f"{page.name} links to {link}: no such heading."


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_named_files_are_there(page: Path) -> None:
    """Files that a page names in code, from the root or from a room."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    names = re.findall(r"`([\w./-]+/[\w-]+\.(?:py|md|cmake|yml|json))`", text)
    places = (ROOT, ROOT / "localqwq", page.parent, *OTHER_PLACES)
    missing = [name for name in names if not any((place / name).exists() for place in places)]
    assert not missing, f"{page.name} names files that are not there: {missing}"


def test_every_page_can_be_found() -> None:
    """From the README, by links alone."""
    found, waiting = {ROOT / "README.md"}, [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        for link in links(page):
            target = (page.parent / link.partition("#")[0]).resolve()
            if target.suffix == ".md" and target.exists() and target not in found:
                found.add(target)
                waiting.append(target)
    inside = {page for page in PAGES if "models" not in page.relative_to(ROOT).parts}
    assert inside <= found


def test_the_changelog_has_a_place_for_the_next_change() -> None:
    """Its first section, where a change that users notice adds a line."""
    headings = re.findall(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    assert headings[0] == "Unreleased"


def test_the_readme_scans() -> None:
    """At most 150 lines, none of them wider than 120 columns."""
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 150
    assert [line for line in lines if len(line) > 120] == []
