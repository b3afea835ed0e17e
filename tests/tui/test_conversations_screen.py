"""The list of conversations, by keyboard and by mouse."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from textual.app import App
from textual.content import Content
from textual.pilot import Pilot
from textual.widgets import Checkbox, Input, Static

from localqwq.conversations.store import Store
from localqwq.conversations.turns import Measures
from localqwq.tui.screens import conversations
from localqwq.tui.screens.conversation_files import ExportScreen, ImportScreen
from localqwq.tui.screens.conversation_list import ConversationList
from localqwq.tui.screens.conversation_rows import Row, moment
from localqwq.tui.screens.conversations import Chosen, ConversationsScreen
from localqwq.tui.session.store_thread import StoreThread
from localqwq.tui.widgets.keys import KeyLine
from tests.watched import Watched

OPEN = Chosen(-1)
"""While nothing was chosen yet."""


class Host(App[None]):
    """An app that shows nothing but the list."""

    def __init__(self, file: Path, current: int | None) -> None:
        super().__init__()
        self.records = StoreThread(file)
        self.current = current
        self.result: Chosen | None = OPEN

    def on_mount(self) -> None:
        """Opens the list."""
        self.push_screen(ConversationsScreen(self.records, self.current), self.choose)

    def choose(self, result: Chosen | None) -> None:
        """Keeps what the list returns."""
        self.result = result


class Shelf(Watched):
    """The open list, as a person sees it."""

    def __init__(self, app: Host, pilot: Pilot[Any]) -> None:
        super().__init__(pilot)
        self.app = app

    @property
    def seen(self) -> str:
        """The list, and what is said below it."""
        return f"{self.lines} and {self.note!r}"

    async def shows(self, *parts: str) -> None:
        """Waits until the lines of the list contain these, one each."""
        await self.until(
            lambda: (
                len(self.lines) == len(parts)
                and all(part in line for part, line in zip(parts, self.lines, strict=True))
            )
        )

    async def type(self, text: str) -> None:
        """Types into whatever has the focus."""
        names = {" ": "space", "/": "slash", ".": "full_stop", "-": "minus", "_": "underscore"}
        await self.pilot.press(*(names.get(letter, letter) for letter in text))

    @property
    def lines(self) -> list[str]:
        """The lines of the list."""
        found = self.app.screen.query(ConversationList)
        return [str(option.prompt) for option in found.first().options] if found else []

    @property
    def note(self) -> str:
        """What is said below the list."""
        found = self.app.screen.query("#note")
        return str(found.first(Static).content) if found else ""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A store with three conversations: apples, pears and plums, the last one first."""
    path = tmp_path / "conversations.sqlite"
    with Store(path) as store:
        for fruit in ("apples", "pears", "plums"):
            conversation = store.create(f"About {fruit}")
            assert conversation.head is not None
            turn = store.start_answer(conversation.id, conversation.head, "demo Q8_0")
            thought = f"The {fruit} want thinking."
            store.finish(turn.id, "done", thought, f"Eat {fruit}.", Measures())
    return path


@asynccontextmanager
async def opened(
    file: Path, current: int | None = None, size: tuple[int, int] = (80, 24)
) -> AsyncIterator[Shelf]:
    """The list on that store."""
    app = Host(file, current)
    async with app.run_test(size=size) as pilot:
        shelf = Shelf(app, pilot)
        yield shelf
        await pilot.pause()
        await app.records.close()


async def test_the_list_is_walked_and_opened_with_keys(file: Path) -> None:
    """Newest first, with model; the open one is named; Enter opens the one at the cursor."""
    async with opened(file, current=1) as shelf:
        await shelf.shows("About plums", "About pears", "open now")
        assert "demo Q8_0" in shelf.lines[0]
        await shelf.pilot.press("down", "down", "up", "enter")
        assert shelf.app.result == Chosen(2)


async def test_escape_and_new(file: Path) -> None:
    """One leaves without a choice, or begins a new conversation."""
    async with opened(file) as shelf:
        await shelf.shows("plums", "pears", "apples")
        await shelf.pilot.press("escape")
        assert shelf.app.result is None
    async with opened(file) as shelf:
        await shelf.pilot.press("ctrl+n")
        assert shelf.app.result == Chosen(None)


async def test_typing_searches_and_enter_jumps_to_the_hit(file: Path) -> None:
    """Hits stand below their conversation; what was found is underlined."""
    async with opened(file) as shelf:
        await shelf.type("pears think")
        await shelf.shows("About pears", "thought  The pears want thinking.")
        prompt = shelf.app.screen.query_one(ConversationList).options[1].prompt
        assert isinstance(prompt, Content)
        marked = [prompt.plain[span.start : span.end] for span in prompt.spans if span.style]
        assert "pears" in marked
        assert "thinking" in marked
        await shelf.pilot.press("down", "enter")
        assert shelf.app.result == Chosen(2, turn=4)


async def test_a_letter_more_leaves_the_cursor_where_it_is(file: Path) -> None:
    """As long as the same is found."""
    async with opened(file) as shelf:
        await shelf.type("pears thin")
        await shelf.shows("About pears", "thought  The pears want thinking.")
        screen = shelf.app.screen
        assert isinstance(screen, ConversationsScreen)
        before = screen._rows
        await shelf.pilot.press("down", "k")
        await shelf.until(lambda: screen._rows is not before)
        assert screen.query_one(ConversationList).highlighted == 1


async def test_nothing_found_and_nothing_there(tmp_path: Path, file: Path) -> None:
    """Both are said, and what needs a conversation is not offered."""
    async with opened(file) as shelf:
        await shelf.type("quince")
        await shelf.shows()
        empty = shelf.app.screen.query_one("#empty", Static)
        await shelf.until(lambda: "Nothing was found" in str(empty.content))
        await shelf.pilot.press("enter", "f9", "delete", "ctrl+b", "ctrl+s")
        assert isinstance(shelf.app.screen, ConversationsScreen)
        await shelf.pilot.press(*["backspace"] * 6)
        await shelf.shows("plums", "pears", "apples")
    async with opened(tmp_path / "new.sqlite") as shelf:
        empty = shelf.app.screen.query_one("#empty", Static)
        await shelf.until(lambda: "No conversations yet" in str(empty.content))


async def test_a_title_is_changed_in_its_line(file: Path) -> None:
    """Enter keeps the new title, Escape the old one."""
    async with opened(file) as shelf:
        await shelf.shows("plums", "pears", "apples")
        await shelf.pilot.press("down", "f9")
        await shelf.type(" and figs")
        field = shelf.app.screen.query_one("#rename", Input)
        lines = shelf.app.screen.query_one(ConversationList)
        assert field.region.y == lines.region.y + 1
        await shelf.pilot.press("enter")
        await shelf.shows("plums", "About pears and figs", "apples")
        await shelf.pilot.press("f9", "x", "escape")
        assert shelf.app.result is OPEN
        await shelf.pilot.press("escape")
        assert shelf.app.result is None
    with Store(file) as store:
        assert store.get(2).title == "About pears and figs"


async def test_pinning_puts_a_conversation_first(file: Path) -> None:
    """The star is a sign, not a colour; the same key takes it away."""
    async with opened(file) as shelf:
        await shelf.shows("plums", "pears", "apples")
        await shelf.pilot.press("down", "down", "ctrl+b")
        await shelf.shows("★ About apples", "plums", "pears")
        await shelf.pilot.press("up", "up", "ctrl+b")
        await shelf.shows("plums", "pears", "  About apples")


async def test_deleting_is_undone(file: Path) -> None:
    """Step by step, with the key that is shown."""
    async with opened(file) as shelf:
        await shelf.shows("plums", "pears", "apples")
        await shelf.pilot.press("down", "delete")
        await shelf.shows("plums", "apples")
        assert "About pears" in shelf.note
        assert "^z undoes it" in shelf.note
        await shelf.pilot.press("delete")
        await shelf.shows("plums")
        await shelf.pilot.press("ctrl+z", "ctrl+z")
        await shelf.shows("plums", "pears", "apples")
        await shelf.pilot.press("ctrl+z")
        await shelf.until(lambda: "nothing to restore" in shelf.note)


async def test_the_open_conversation_is_left_when_it_is_deleted(file: Path) -> None:
    """A new one is shown instead of one that is gone."""
    async with opened(file, current=3) as shelf:
        await shelf.shows("open now", "pears", "apples")
        await shelf.pilot.press("delete")
        await shelf.shows("pears", "apples")
        await shelf.pilot.press("escape")
        assert shelf.app.result == Chosen(None)


async def test_the_mouse_does_it_too(file: Path) -> None:
    """A click goes to a line, another one opens it; keys below and the undo are clicked."""
    async with opened(file) as shelf:
        await shelf.shows("plums", "pears", "apples")
        await shelf.pilot.click(ConversationList, offset=(10, 1))
        assert shelf.app.result is OPEN
        keys = str(shelf.app.screen.query_one(KeyLine).render())
        await shelf.pilot.click(KeyLine, offset=(1 + keys.index("Delete"), 0))
        await shelf.shows("plums", "apples")
        place = shelf.note.index("undoes")
        await shelf.pilot.click("#note", offset=(3 + place, 0))
        await shelf.shows("plums", "pears", "apples")
        await shelf.pilot.click(ConversationList, offset=(10, 2))
        await shelf.pilot.click(ConversationList, offset=(10, 2))
        assert shelf.app.result == Chosen(1)


async def test_the_list_goes_on_at_its_end(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Long lists come in pages."""
    monkeypatch.setattr(conversations, "PAGE", 2)
    async with opened(file) as shelf:
        await shelf.shows("plums", "pears")
        await shelf.pilot.press("down")
        await shelf.shows("plums", "pears", "apples")
        await shelf.pilot.press("down", "enter")
        assert shelf.app.result == Chosen(1)


async def test_a_conversation_is_exported(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Markdown with thoughts by two keys; JSON without them by the mouse; the path is shown."""
    monkeypatch.chdir(tmp_path)
    async with opened(file, size=(120, 30)) as shelf:
        await shelf.shows("plums", "pears", "apples")
        await shelf.pilot.press("ctrl+s")
        await shelf.until(lambda: isinstance(shelf.app.screen, ExportScreen))
        await shelf.pilot.press("ctrl+s")
        path = tmp_path / "about-plums.md"
        await shelf.until(lambda: str(path) in shelf.note)
        assert "> The plums want thinking." in path.read_text()
        await shelf.pilot.press("ctrl+s")
        await shelf.until(lambda: isinstance(shelf.app.screen, ExportScreen))
        await shelf.pilot.click("#json")
        await shelf.pilot.click(Checkbox)
        field = shelf.app.screen.query_one(Input)
        await shelf.until(lambda: field.value == str(tmp_path / "about-plums-2.json"))
        await shelf.pilot.click("#write")
        path = tmp_path / "about-plums-2.json"
        await shelf.until(lambda: str(path) in shelf.note)
        assert '"Eat plums."' in path.read_text()
        assert "thinking" not in path.read_text()


async def test_a_file_is_imported(file: Path, tmp_path: Path) -> None:
    """A path that is wrong becomes a sentence; a right one adds its conversations, and counts."""
    chat = {"messages": [{"role": "user", "content": "Are figs fruit?"}]}
    (tmp_path / "chats.json").write_text(f'[{{"chat": {chat}}}, 7]'.replace("'", '"'))
    came = "1 conversation imported: 1 prompt"
    async with opened(file) as shelf:
        await shelf.shows("plums", "pears", "apples")
        for name, told in (("none.json", "No such file"), ("chats.json", came)):
            await shelf.pilot.press("ctrl+x i")
            await shelf.until(lambda: isinstance(shelf.app.screen, ImportScreen))
            shelf.app.screen.query_one(Input).value = str(tmp_path / name)
            await shelf.pilot.press("enter")
            await shelf.until(lambda told=told: told in shelf.note)  # type: ignore[misc]
        assert "left out: 1 entry that is not a conversation" in shelf.note
        await shelf.shows("Are figs fruit?", "plums", "pears", "apples")


async def test_a_path_is_completed(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The key to the right takes what is proposed."""
    (tmp_path / "export-of-chats.json").touch()
    monkeypatch.chdir(tmp_path)
    async with opened(file) as shelf:
        await shelf.pilot.press("ctrl+x i")
        await shelf.until(lambda: isinstance(shelf.app.screen, ImportScreen))
        field = shelf.app.screen.query_one(Input)
        await shelf.type("ex")
        await shelf.until(lambda: "export-of-chats" in field.render_line(0).text)
        await shelf.pilot.press("right")
        assert field.value == "export-of-chats.json"


@given(
    st.builds(
        Row,
        st.integers(1, 3),
        st.text(),
        st.floats(0, 4e9),
        st.booleans(),
        st.text(max_size=30),
        snippet=st.text(),
    ),
    st.integers(30, 160),
)
def test_a_line_fills_the_width(row: Row, width: int) -> None:
    """Whatever the title and the model, columns stay in their place."""
    drawn = row.draw(width, datetime(2026, 5, 4, 12), "open now")
    assert cell_len(drawn.plain) == width


@pytest.mark.parametrize(
    ("then", "shown"),
    [
        (datetime(2026, 5, 4, 9, 5), "09:05"),
        (datetime(2026, 5, 3, 23, 59), "Sun 23:59"),
        (datetime(2026, 4, 27, 12), "27 Apr"),
        (datetime(2025, 12, 31, 12), "2025-12-31"),
        (datetime(2026, 5, 5, 1), "5 May"),
    ],
)
def test_moments_are_as_short_as_they_are_clear(then: datetime, shown: str) -> None:
    """Today the time, this week the day, then the date."""
    assert moment(then.timestamp(), datetime(2026, 5, 4, 12)) == shown
