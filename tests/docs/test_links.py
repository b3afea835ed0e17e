"""Links between pages and to files resolve; the README keeps to its size."""

from pathlib import Path

import pytest

from tests.docs.documents import ROOT, anchors, documents, links

PAGES = documents()


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


def test_the_readme_scans() -> None:
    """At most 150 lines, none of them wider than 120 columns."""
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 150
    assert [line for line in lines if len(line) > 120] == []
