"""Generated pages say what the program says now."""

from pathlib import Path

import pytest

from docs.generator.pages import pages
from localqwq.settings.describe import groups


@pytest.fixture
def made(home: Path) -> dict[Path, str]:
    """The pages, as they have to be now; the user's own catalogue is not in them."""
    return pages()


def test_no_page_is_stale(made: dict[Path, str]) -> None:
    """What would be written is what is there."""
    stale = [path.name for path, text in made.items() if path.read_text("utf-8") != text]
    assert not stale, f"{', '.join(stale)}: run `python -m docs.generator`."


def test_every_command_option_and_route_is_there(made: dict[Path, str]) -> None:
    """A page that lost a part would agree with itself."""
    text = {path.name: page for path, page in made.items()}
    assert "## localqwq models\n" in text["command-line.md"]
    assert "### localqwq models add\n" in text["command-line.md"]
    for flag in ("--think-budget N", "--uds PATH", "--split-max-size SIZE", "NAME=FREE"):
        assert flag in text["command-line.md"]
    for key in ("`sampling.top_p` †", "`thinking.hand_over` †", "`key_env`", "`appearance.theme`"):
        assert key in text["settings.md"]
    for setting in (one for group in groups() for one in group.settings if not one.parts):
        assert f"`{setting.key}`" in text["settings.md"]
    for part in ("`POST /v1/chat/completions/{id}/budget`", "`with_pieces`", "`tool_call_id`"):
        assert part in text["http-api.md"]
