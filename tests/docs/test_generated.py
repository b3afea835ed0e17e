"""Generated pages say what the program says now."""

from pathlib import Path

import pytest

from docs.generator.pages import pages

PAGES = pages()


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_page_is_not_stale(path: Path) -> None:
    """What would be written is what is there."""
    written = path.read_text(encoding="utf-8") if path.exists() else ""
    assert written == PAGES[path], f"{path.name} is stale: run `python -m docs.generator`."


def test_every_command_option_and_route_is_there() -> None:
    """A page that lost a part would agree with itself; the sources are counted another way."""
    text = {path.name: page for path, page in PAGES.items()}
    assert "## localqwq models\n" in text["command-line.md"]
    assert "### localqwq models add\n" in text["command-line.md"]
    for flag in ("--think-budget N", "--uds PATH", "--split-max-size SIZE", "NAME=FREE"):
        assert flag in text["command-line.md"]
    for key in ("`sampling.top_p` †", "`thinking.hand_over` †", "`key_env`", "`appearance.theme`"):
        assert key in text["settings.md"]
    for part in ("`POST /v1/chat/completions/{id}/budget`", "`with_pieces`", "`tool_call_id`"):
        assert part in text["http-api.md"]
