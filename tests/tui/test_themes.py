"""Colours that can be read: contrast as WCAG 2.2 has it."""

from collections.abc import Iterator

import pytest
from textual.app import App, ComposeResult
from textual.color import Color
from textual.theme import Theme
from textual.widgets import Static

from localqwq.tui.themes import DEFAULT, THEMES, register_themes, use_theme

TEXTS = (
    "foreground",
    "text-muted",
    "primary",
    "secondary",
    "accent",
    "success",
    "warning",
    "error",
)
MEANINGS = ("primary", "secondary", "accent", "success", "warning", "error")
GROUNDS = ("background", "surface", "panel")


def luminance(color: Color) -> float:
    """The relative luminance: https://www.w3.org/TR/WCAG22/#dfn-relative-luminance."""
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in color.normalized
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: Color, other: Color) -> float:
    """The contrast ratio, 1 to 21."""
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def pairs(theme: Theme) -> Iterator[tuple[str, str]]:
    """The names of texts and of what they stand on, here and in Textual's widgets."""
    yield from ((text, ground) for text in TEXTS for ground in GROUNDS)
    yield from ((f"text-{meaning}", ground) for meaning in MEANINGS for ground in GROUNDS)
    yield from ((f"text-{meaning}", f"{meaning}-muted") for meaning in MEANINGS)
    yield from ((f"markdown-h{level}-color", "background") for level in range(1, 7))
    yield from (("button-color-foreground", meaning) for meaning in MEANINGS[:1] + MEANINGS[3:])
    yield "button-foreground", "surface"
    yield "footer-key-foreground", "footer-background"
    yield "footer-description-foreground", "footer-background"
    yield "block-cursor-foreground", "block-cursor-background"
    yield "block-cursor-blurred-foreground", "block-cursor-blurred-background"
    yield "input-cursor-foreground", "input-cursor-background"
    yield "link-color-hover", "link-background-hover"


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
def test_texts_can_be_read(theme: Theme) -> None:
    """4.5 at least, and 7 with high contrast."""
    colours = theme.to_color_system().generate()
    least = 7 if "contrast" in theme.name else 4.5
    found = {
        (text, ground): contrast(Color.parse(colours[text]), Color.parse(colours[ground]))
        for text, ground in pairs(theme)
    }
    assert {pair: ratio for pair, ratio in found.items() if ratio < least} == {}


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
def test_selected_text_can_be_read(theme: Theme) -> None:
    """Its ground is a mixture."""
    colours = theme.to_color_system().generate()
    text = Color.parse(colours["foreground"])
    for ground in ("background", "surface"):
        mixed = Color.parse(colours[ground]).blend(Color.parse(colours["primary"]), 0.35)
        assert contrast(text, mixed) >= (7 if "contrast" in theme.name else 4.5), ground


def test_contrast_of_known_pairs() -> None:
    """Black on white, and the examples of WCAG's authors."""
    white = Color.parse("#ffffff")
    assert contrast(white, Color.parse("#000000")) == pytest.approx(21)
    assert contrast(white, Color.parse("#767676")) == pytest.approx(4.54, abs=0.01)


class Page(App[None]):
    """An app with a text in three colours."""

    CSS = "#a { color: $primary; } #b { color: $text-warning; background: $surface; }"

    def __init__(self, theme: str | None) -> None:
        super().__init__()
        register_themes(self, theme)

    def compose(self) -> ComposeResult:
        """Three texts."""
        yield Static("one", id="a")
        yield Static("two", id="b")
        yield Static("three")


async def test_themes_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """Textual's own as well; a name that is not known is told, and the default used."""
    assert Page(None).theme == DEFAULT
    assert Page("nord").theme == "nord"
    app = Page("localqwq-light")
    async with app.run_test():
        assert not app.current_theme.dark
        assert use_theme(app, "localqwq-contrast") == ""
        assert app.theme == "localqwq-contrast"
        sentence = use_theme(app, "pink")
        assert app.theme == DEFAULT
        assert "no theme 'pink'" in sentence
        assert "localqwq-light" in sentence
    monkeypatch.setenv("TEXTUAL_THEME", "gruvbox")
    assert Page("nord").theme == "gruvbox"


@pytest.mark.parametrize("set_", [True, False])
async def test_no_color(monkeypatch: pytest.MonkeyPatch, set_: bool) -> None:
    """With NO_COLOR, whatever its value, only greys are drawn; without it, colours."""
    if set_:
        monkeypatch.setenv("NO_COLOR", "1")
    else:
        monkeypatch.delenv("NO_COLOR", raising=False)
    app = Page(DEFAULT)
    async with app.run_test(size=(20, 5)):
        drawn = app.export_screenshot()
    colours = {word[:7] for word in drawn.split("fill: ")[1:]} - {"#c5c8c6"}  # that of the frame
    assert colours
    greys = all(colour[1:3] == colour[3:5] == colour[5:7] for colour in colours)
    assert greys is set_
