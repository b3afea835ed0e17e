"""What fields are for can be read before anything is typed there."""

from pathlib import Path

import pytest
from textual.color import Color
from textual.geometry import Region
from textual.widget import Widget
from textual.widgets import Input, TextArea

from localqwq.tui.themes import THEMES, use_theme
from tests.chatting import Chat, chat, served
from tests.tui.test_themes import contrast


def contrasts(field: Widget, placeholder: str) -> list[float]:
    """Of each part of a placeholder as it is drawn, without what is under the cursor."""
    strips = field.render_lines(Region(0, 0, *field.outer_size))
    found = []
    for segment in (segment for strip in strips for segment in strip):
        text, style = segment.text.strip(), segment.style
        if len(text) > 1 and text in placeholder and style and style.color and style.bgcolor:
            ground = Color.from_rich_color(style.bgcolor)
            found.append(contrast(Color.from_rich_color(style.color), ground))
    return found


def readable(app: Chat) -> bool:
    """Whether all placeholders on the screen are there and can be read."""
    least = 7 if "contrast" in app.app.theme else 4.5
    fields = [*app.app.screen.query(Input), *app.app.screen.query(TextArea)]
    empty = [field for field in fields if field.size and not getattr(field, "value", "")]
    named = [(field, str(field.placeholder)) for field in empty if field.placeholder]
    ratios = [contrasts(field, name) for field, name in named]
    return bool(ratios) and all(ratios) and min(min(one) for one in ratios) >= least


@pytest.mark.parametrize("theme", [theme.name for theme in THEMES])
async def test_placeholders_can_be_read(theme: str, demo_server: str, home: Path) -> None:
    """The prompt's, those of searches, of settings and of the palette."""
    async with chat(served(demo_server), home / "store", size=(100, 40)) as app:
        await app.until(app.is_idle)
        use_theme(app.app, theme)
        for key in ("escape", "ctrl+o", "f2", "ctrl+p"):
            app.burst(key)
            await app.pilot.pause(0.1)
            await app.until(lambda: readable(app))
