"""The settings' screen with keyboard and mouse, for all and for one conversation."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual.app import App
from textual.pilot import Pilot
from textual.widgets import Button, Input, OptionList, Select, Static, TextArea

from localqwq.settings.file import SettingsFile
from localqwq.settings.schema import Settings
from localqwq.settings.sections import EndpointSettings, Preset
from localqwq.tui.screens.settings import SettingsScreen
from localqwq.tui.themes import register_themes
from localqwq.tui.widgets.settings.choices import Choices
from localqwq.tui.widgets.settings.row import ResetMark, SettingRow


class Host(App[None]):
    """An app with nothing but the screen."""

    def __init__(self, file: SettingsFile, overrides: Mapping[str, object] | None) -> None:
        super().__init__()
        register_themes(self, None)
        self.sheet = SettingsScreen(file, overrides)
        self.told: list[Settings | Mapping[str, object]] = []
        self.result: Mapping[str, object] | None = {"not": "closed"}

    def on_mount(self) -> None:
        """Shows it."""
        self.push_screen(self.sheet, self.closed)

    def closed(self, result: Mapping[str, object] | None) -> None:
        """Keeps the result."""
        self.result = result

    def on_settings_screen_changed(self, event: SettingsScreen.Changed) -> None:
        """Keeps what was told."""
        self.told.append(event.settings)

    def on_settings_screen_overridden(self, event: SettingsScreen.Overridden) -> None:
        """Keeps what was told."""
        self.told.append(event.values)


@pytest.fixture
def file(tmp_path: Path) -> SettingsFile:
    """A settings file that does not exist yet."""
    return SettingsFile(tmp_path / "settings.toml")


@asynccontextmanager
async def opened(
    file: SettingsFile,
    overrides: Mapping[str, object] | None = None,
    size: tuple[int, int] = (80, 24),
) -> AsyncIterator[tuple[Host, Pilot[None]]]:
    """The screen, with its first section."""
    app = Host(file, overrides)
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        yield app, pilot


async def section(app: Host, pilot: Pilot[None], title: str) -> None:
    """Walks to a section."""
    listed = app.sheet.query_one("#sections", OptionList)
    listed.focus()
    titles = [str(listed.get_option_at_index(n).prompt) for n in range(listed.option_count)]
    listed.highlighted = titles.index(title)
    await pilot.pause()


def row(app: Host, key: str) -> SettingRow:
    """The row of a setting."""
    return next(one for one in app.sheet.query(SettingRow) if one.setting.key == key)


async def enter(pilot: Pilot[None], text: str) -> None:
    """Puts a text into the focused field, at the cursor, as if it was pasted."""
    match pilot.app.focused:
        case Input() as field:
            field.insert_text_at_cursor(text)
        case TextArea() as field:
            field.insert(text)
    await pilot.pause()


def help_of(one: SettingRow) -> str:
    """What stands below the field."""
    return str(one.query_one(".help", Static).content)


async def test_a_number_with_the_keyboard(file: SettingsFile) -> None:
    """Typed, checked while typing, written with Enter, told to the app, and marked."""
    async with opened(file) as (app, pilot):
        await section(app, pilot, "Sampling")
        await pilot.press("tab")
        assert app.focused is row(app, "sampling.temperature").editor
        await enter(pilot, "1000")
        assert "must be a number from 0 to 100" in help_of(row(app, "sampling.temperature"))
        await pilot.press("enter")
        assert app.told == []
        await pilot.press("ctrl+u")
        await enter(pilot, "0.7")
        await pilot.press("enter")
        await pilot.pause()
        changed = row(app, "sampling.temperature")
        assert changed.has_class("-changed")
        assert str(changed.query_one(".title", Static).content).startswith("•")
        assert "must be" not in help_of(changed)
        assert app.told == [file.read()]
    assert file.read().sampling.temperature == 0.7


async def test_leaving_a_field_and_the_screen_keeps_what_was_typed(file: SettingsFile) -> None:
    """With the arrow, and with Escape; nothing is written where nothing was entered."""
    async with opened(file) as (app, pilot):
        await section(app, pilot, "Sampling")
        await pilot.press("tab")
        await enter(pilot, "0.5")
        await pilot.press("down")
        await enter(pilot, "0.9")
        await pilot.press("escape")
        await pilot.pause()
        assert app.result is None
        assert not isinstance(app.screen, SettingsScreen)
        assert len(app.told) == 2
    sampling = file.read().sampling
    assert (sampling.temperature, sampling.top_p) == (0.5, 0.9)


async def test_reset_of_one_and_of_all_and_undo(file: SettingsFile) -> None:
    """Keys and the mark; the makers' values with one key; each can be undone."""
    file.change_all(
        {"sampling.top_k": 3, "sampling.seed": 5, "thinking.keep": True, "model": "demo"}
    )
    async with opened(file, size=(80, 60)) as (app, pilot):
        await section(app, pilot, "Thinking")
        await pilot.click(row(app, "thinking.keep").query_one(ResetMark))
        await pilot.pause()
        assert not file.read().thinking.keep
        await section(app, pilot, "Sampling")
        row(app, "sampling.top_k").editor.focus()
        await pilot.pause()
        await pilot.press("ctrl+x r")
        assert file.read().sampling.model_dump(exclude_none=True) == {"seed": 5}
        await pilot.press("ctrl+x v")
        assert file.read().sampling.model_dump(exclude_none=True) == {}
        for _ in range(3):
            await pilot.pause()
            app.sheet.query_one("#sections").focus()
            await pilot.press("ctrl+z")
        undone = file.read()
        assert (undone.sampling.top_k, undone.sampling.seed, undone.thinking.keep) == (3, 5, True)
        await pilot.press("home")
        await pilot.pause()
        shown = {one.setting.key for one in app.sheet.query(SettingRow)}
        assert shown == {"model", "sampling.top_k", "sampling.seed", "thinking.keep"}
        await pilot.press("ctrl+x a")
        await pilot.pause()
        assert file.read() == Settings()
        assert not app.sheet.query(SettingRow)


async def test_choices_with_keys_and_clicks(file: SettingsFile) -> None:
    """Arrows and clicks choose; the filled mark tells which; many of them drop down."""
    async with opened(file) as (app, pilot):
        await section(app, pilot, "Thinking")
        display = row(app, "thinking.display").editor
        assert isinstance(display, Choices)
        assert "◉ tail" in str(display.render())
        display.focus()
        await pilot.pause()
        await pilot.press("right")
        assert file.read().thinking.display == "open"
        await pilot.click(display, offset=(3, 0))
        await pilot.pause()
        assert file.read().thinking.display == "closed"
        row(app, "thinking.keep").editor.focus()
        await pilot.pause()
        await pilot.press("left")
        assert file.read().thinking.keep
        row(app, "thinking.effort").editor.focus()
        await pilot.pause()
        await pilot.press("right")
        assert file.read().thinking.effort == "none"
        await pilot.press("left")
        assert file.read().thinking.effort is None
        await section(app, pilot, "Appearance")
        themes = row(app, "appearance.theme").editor
        assert isinstance(themes, Select)
        themes.value = "localqwq-light"
        await pilot.pause()
        assert file.read().appearance.theme == "localqwq-light"


async def test_a_choice_wider_than_its_column_hides_no_other(file: SettingsFile) -> None:
    """It is broken in two, and what comes behind it is still seen."""
    file.change("endpoints", [EndpointSettings(name="mine", url="http://a")])
    file.change("endpoint", "mine")
    async with opened(file) as (app, pilot):
        await section(app, pilot, "Model")
        await pilot.pause()
        drawn = row(app, "endpoint").editor
        lines = "\n".join(strip.text for strip in drawn.render_lines(drawn.size.region))
        assert "the model on this" in lines
        assert "◉ mine" in lines


async def test_the_first_endpoint_is_added_with_enter_alone(file: SettingsFile) -> None:
    """From the section to its button, and from there to the first field."""
    async with opened(file) as (app, pilot):
        await section(app, pilot, "Endpoints")
        await pilot.press("enter")
        assert isinstance(app.focused, Button)
        await pilot.press("enter")
        await pilot.pause()
        assert app.focused is row(app, "name").editor


async def test_endpoints_are_added_changed_and_removed(file: SettingsFile) -> None:
    """One that is not whole is not written, and says what it needs."""
    async with opened(file, size=(80, 60)) as (app, pilot):
        await section(app, pilot, "Endpoints")
        await pilot.click(app.sheet.query_one(".add", Button))
        await pilot.pause()
        await enter(pilot, "mine")
        await pilot.press("enter")
        await pilot.pause()
        assert "needs an address" in help_of(row(app, "url"))
        await pilot.press("tab")
        await enter(pilot, "a")
        await pilot.press("enter")
        await pilot.pause()
        assert "Address must begin with http://" in help_of(row(app, "url"))
        assert app.told == []
        await pilot.press("ctrl+u")
        await enter(pilot, "http://a")
        await pilot.press("enter")
        await pilot.pause()
        assert file.read().endpoints == [EndpointSettings(name="mine", url="http://a")]
        assert "needs" not in help_of(row(app, "url"))
        await pilot.click(app.sheet.query_one(".remove", Button))
        await pilot.pause()
        assert file.read().endpoints == []
        assert not app.sheet.query(SettingRow)


async def test_prompts_and_presets(file: SettingsFile) -> None:
    """Enter is a line break in them, Tab leaves them; one's own can be chosen at once."""
    async with opened(file, size=(80, 60)) as (app, pilot):
        await section(app, pilot, "Prompts")
        await pilot.press("tab")
        await enter(pilot, "you")
        await pilot.press("enter", "t", "o", "o", "tab")
        await pilot.pause()
        assert file.read().prompts.system == "you\ntoo"
        await pilot.click(app.sheet.query_one(".add", Button))
        await pilot.pause()
        await enter(pilot, "verse")
        await pilot.press("tab")
        await enter(pilot, "rhyme")
        await pilot.press("tab")
        await pilot.pause()
        assert file.read().prompts.presets == {"verse": Preset(system="rhyme")}
        choices = row(app, "prompts.preset").editor
        assert isinstance(choices, Choices)
        assert "verse" in str(choices.render())


async def test_keys_of_commands(file: SettingsFile) -> None:
    """A key that another command has is not taken."""
    async with opened(file) as (app, pilot):
        await section(app, pilot, "Keys")
        row(app, "answer_now").editor.focus()
        await pilot.pause()
        await enter(pilot, "f2")
        await pilot.press("enter")
        await pilot.pause()
        assert "f2 is already the key for “Settings”" in help_of(row(app, "answer_now"))
        await pilot.press("ctrl+u")
        await enter(pilot, "f19")
        await pilot.press("enter")
        await pilot.pause()
        assert file.read().keys == {"answer_now": "f19"}
        await pilot.press("ctrl+x r")
        await pilot.pause()
        assert file.read().keys == {}


async def test_search(file: SettingsFile) -> None:
    """All words, in names, keys and help; Enter goes to the first that was found."""
    async with opened(file) as (app, pilot):
        await pilot.press("ctrl+f")
        await enter(pilot, "dry look")
        await pilot.pause()
        found = [one.setting.key for one in app.sheet.query(SettingRow)]
        assert found == ["sampling.dry_penalty_last_n"]
        await pilot.press("enter")
        assert app.focused is row(app, "sampling.dry_penalty_last_n").editor
        await pilot.press("ctrl+f")
        await enter(pilot, "xyz")
        await pilot.pause()
        assert not app.sheet.query(SettingRow)
        app.sheet.query_one("#sections").focus()
        await pilot.press("enter")
        await pilot.pause()
        assert app.sheet.query_one("#search", Input).value == ""
        assert [one.setting.key for one in app.sheet.query(SettingRow)] == ["model", "endpoint"]
        await pilot.press("down")
        await pilot.pause()
        assert len(app.sheet.query(SettingRow)) > 10


async def test_a_conversations_own_values(file: SettingsFile) -> None:
    """Only what may differ; the file stays; the values are told and are the result."""
    file.change("sampling.temperature", 0.8)
    async with opened(file, {"sampling.top_k": 5}) as (app, pilot):
        listed = app.sheet.query_one("#sections", OptionList)
        titles = [str(listed.get_option_at_index(n).prompt) for n in range(listed.option_count)]
        assert titles == ["Changed", "Sampling", "Thinking", "Prompts", "Agent"]
        warm = row(app, "sampling.temperature").editor
        assert isinstance(warm, Input)
        assert (warm.value, warm.placeholder) == ("", "general setting: 0.8")
        warm.focus()
        await pilot.pause()
        await enter(pilot, "0.4")
        row(app, "sampling.top_k").editor.focus()
        await pilot.pause()
        await pilot.press("ctrl+x r")
        await pilot.press("ctrl+x v")  # does nothing here
        await pilot.press("escape")
        await pilot.pause()
        assert app.told[-1] == app.result == {"sampling.temperature": 0.4}
    assert file.read().sampling.temperature == 0.8


async def test_a_change_by_hand_while_a_row_is_built(file: SettingsFile) -> None:
    """The row has its new value from the beginning."""
    async with opened(file) as (app, pilot):
        await section(app, pilot, "Sampling")
        old = row(app, "sampling.top_k")
        new = SettingRow(old.setting, None, changed=False)
        mounting = app.sheet.query_one("#rows").mount(new)
        new.show(7, changed=True, usual="")
        await mounting
        assert isinstance(new.editor, Input)
        assert new.editor.value == "7"
        assert new.query(ResetMark)
        assert new.has_class("-changed")


async def test_changes_by_hand_while_it_is_open(file: SettingsFile) -> None:
    """They are shown, and what is wrong with them is said; a broken file is not written over."""
    async with opened(file) as (app, pilot):
        await section(app, pilot, "Sampling")
        file.path.write_text("[sampling]\ntop_k = 7\ntop_p = 7\n", encoding="utf-8")
        app.sheet.reread()
        await pilot.pause()
        editor = row(app, "sampling.top_k").editor
        assert isinstance(editor, Input)
        assert editor.value == "7"
        assert "top_p must be" in str(app.sheet.query_one("#note", Static).content)
        file.path.write_text("[sampling\n", encoding="utf-8")
        app.sheet.reread()
        row(app, "sampling.top_k").editor.focus()
        await pilot.pause()
        await enter(pilot, "8")
        await pilot.press("enter")
        await pilot.pause()
        assert "correct it first" in help_of(row(app, "sampling.top_k"))
    assert file.path.read_text(encoding="utf-8") == "[sampling\n"
