"""The composer: proposals, attachments and commands, by keyboard and mouse."""

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual import events
from textual.app import App, ComposeResult
from textual.message import Message
from textual.pilot import Pilot

from localqwq.documents.extract import Extract
from localqwq.documents.reading import read
from localqwq.tui.widgets.composer.chips import Chip, Chips
from localqwq.tui.widgets.composer.composer import Composer
from localqwq.tui.widgets.composer.proposals import Proposals
from localqwq.tui.widgets.prompt import Prompt

KNOWN = (
    ("newer", "Show the next branch."),
    ("new", "Start a new conversation."),
    ("theme", "Change the colours."),
)


class Host(App[None]):
    """An app with nothing but the composer, that remembers what it says."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder
        self.said: list[Message] = []
        self.told: list[str] = []

    def compose(self) -> ComposeResult:
        """The composer."""
        yield Composer(KNOWN, self._folder)

    def on_composer_submitted(self, event: Composer.Submitted) -> None:
        """Remembered."""
        self.said.append(event)

    def on_composer_called(self, event: Composer.Called) -> None:
        """Remembered."""
        self.said.append(event)

    def notify(self, message: str, **_: Any) -> None:
        """Remembered."""
        self.told.append(message)

    @property
    def text(self) -> str:
        """What is in the prompt."""
        return self.query_one(Prompt).text

    @property
    def attached(self) -> list[str]:
        """The names of what is attached."""
        return [attachment.name for attachment in self.query_one(Composer).attachments]


@asynccontextmanager
async def host(folder: Path) -> AsyncIterator[tuple[Host, Pilot[Any]]]:
    """The app with the cursor in its prompt."""
    app = Host(folder)
    async with app.run_test(size=(80, 24)) as pilot:
        app.query_one(Prompt).focus()
        yield app, pilot


async def settle(app: Host, pilot: Pilot[Any]) -> None:
    """Waits until files are listed and read."""
    await pilot.pause()
    await app.workers.wait_for_complete()
    await pilot.pause()


async def test_a_command_is_completed_and_called(tmp_path: Path) -> None:
    """Tab completes it, Enter calls it, and the prompt is empty again."""
    async with host(tmp_path) as (app, pilot):
        await pilot.press(*"/th")
        await settle(app, pilot)
        assert app.query_one(Proposals).display
        await pilot.press("tab", *"dark")
        await settle(app, pilot)
        assert app.text == "/theme dark"
        await pilot.press("enter")
        await pilot.pause()
        (called,) = app.said
        assert isinstance(called, Composer.Called)
        assert (called.command, called.argument, app.text) == ("theme", "dark", "")


async def test_enter_calls_a_command_that_is_typed_to_its_end(tmp_path: Path) -> None:
    """Though a longer one begins like it; whoever goes down to that one gets it."""
    async with host(tmp_path) as (app, pilot):
        await pilot.press(*"/new")
        await settle(app, pilot)
        assert app.query_one(Proposals).display
        await pilot.press("enter")
        await settle(app, pilot)
        assert [event.command for event in app.said if isinstance(event, Composer.Called)] == [
            "new"
        ]
        await pilot.press(*"/new")
        await settle(app, pilot)
        await pilot.press("down", "enter")
        await settle(app, pilot)
        assert app.text == "/newer "


async def test_an_unknown_command_stays_in_the_prompt(tmp_path: Path) -> None:
    """It is not sent to the model by mistake; a path is."""
    async with host(tmp_path) as (app, pilot):
        await pilot.press(*"/thmee", "enter")
        await pilot.pause()
        assert (app.said, app.text) == ([], "/thmee")
        app.query_one(Prompt).load_text("/etc/hosts")
        await pilot.press("enter")
        await pilot.pause()
        assert [type(event) for event in app.said] == [Composer.Submitted]


async def test_a_file_is_completed_and_attached(tmp_path: Path) -> None:
    """Arrows choose, Enter takes the file, its text is sent beside the prompt."""
    (tmp_path / "first.txt").write_text("one")
    (tmp_path / "second.txt").write_text("two\nlines\n")
    async with host(tmp_path) as (app, pilot):
        await pilot.press(*"sum up @")
        await settle(app, pilot)
        await pilot.press("down", "enter")
        await settle(app, pilot)
        assert app.text == "sum up @second.txt "
        assert app.attached == ["second.txt"]
        assert "  2 lines, about 3 tokens" in str(app.query_one(Chip).render())
        await pilot.press("enter")
        await pilot.pause()
        (sent,) = app.said
        assert isinstance(sent, Composer.Submitted)
        assert [attachment.text for attachment in sent.attachments] == ["two\nlines\n"]
        app.query_one(Composer).take()
        assert app.attached == []


async def test_escape_closes_the_proposals_only(tmp_path: Path) -> None:
    """What is typed stays, and Enter sends again."""
    async with host(tmp_path) as (app, pilot):
        await pilot.press(*"/n")
        await settle(app, pilot)
        await pilot.press("escape")
        await pilot.pause()
        assert (app.query_one(Proposals).display, app.text) == (False, "/n")


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n"])
async def test_a_long_paste_becomes_an_attachment(tmp_path: Path, end: str) -> None:
    """Its lines end as they should, whatever the terminal sends for an end; a short one goes into
    the prompt; backspace in the empty prompt takes the long one away."""
    async with host(tmp_path) as (app, pilot):
        prompt = app.query_one(Prompt)
        app.post_message(events.Paste(f"line{end}" * 40))
        await settle(app, pilot)
        assert (app.attached, app.text) == (["Pasted text 1"], "")
        [attachment] = app.query_one(Chips).attachments
        assert attachment.text == "line\n" * 40
        app.post_message(events.Paste("short"))
        await settle(app, pilot)
        assert app.text == "short"
        prompt.clear()
        await pilot.press("backspace")
        await pilot.pause()
        assert app.attached == []


async def test_a_dropped_file_is_attached_and_a_click_removes_it(tmp_path: Path) -> None:
    """Terminals paste the path of a file that is dropped on them."""
    (tmp_path / "my notes.txt").write_text("x")
    async with host(tmp_path) as (app, pilot):
        path = f"'{tmp_path / 'my notes.txt'}'"
        app.post_message(events.Paste(path))
        await settle(app, pilot)
        assert (app.attached, app.text) == (["my notes.txt"], "")
        await pilot.click(Chip)
        await pilot.pause()
        assert app.attached == []


async def test_an_unreadable_file_is_told(tmp_path: Path) -> None:
    """A sentence, and the mention stays in the prompt."""
    (tmp_path / "picture.png").write_bytes(b"\0\0")
    async with host(tmp_path) as (app, pilot):
        await pilot.press(*"@pic")
        await settle(app, pilot)
        await pilot.press("tab")
        await settle(app, pilot)
        assert app.attached == []
        (sentence,) = app.told
        assert "picture.png is not a text file" in sentence


async def test_what_a_document_does_not_tell_is_told(tmp_path: Path) -> None:
    """A guess at the encoding is said when the file is attached."""
    (tmp_path / "notes.txt").write_bytes("Протокол собрания жильцов".encode("koi8-r"))
    async with host(tmp_path) as (app, pilot):
        await pilot.press(*"@not")
        await settle(app, pilot)
        await pilot.press("tab")
        await settle(app, pilot)
        (attachment,) = app.query_one(Composer).attachments
        assert attachment.text == "Протокол собрания жильцов"
        (sentence,) = app.told
        assert sentence.startswith("notes.txt: it does not state its encoding")
        assert "KOI8-R" in sentence


def sent(app: Host) -> list[tuple[str, list[str]]]:
    """What was submitted, with the names of attachments."""
    found = [event for event in app.said if isinstance(event, Composer.Submitted)]
    return [(event.text, [one.name for one in event.attachments]) for event in found]


async def test_an_at_sign_alone_lists_the_folder(tmp_path: Path) -> None:
    """Or says that there is nothing in it."""
    (tmp_path / "sub").mkdir()
    async with host(tmp_path) as (app, pilot):
        await pilot.press("at")
        await settle(app, pilot)
        shown = app.query_one(Proposals)
        assert [str(option.prompt).split() for option in shown.options] == [["sub/", "folder"]]
        (tmp_path / "sub").rmdir()
        await pilot.press("backspace", "at")
        await settle(app, pilot)
        assert not shown.display
        assert app.told == ["There are no files here; @/ and @~/ start elsewhere."]


async def test_a_file_that_there_is_not_is_said_before_it_is_sent(tmp_path: Path) -> None:
    """And sent when Enter is pressed once more; another text is asked about anew."""
    (tmp_path / "other.md").write_text("x")
    async with host(tmp_path) as (app, pilot):
        await pilot.press(*"read @nosuch.txt", "enter")
        await settle(app, pilot)
        said = "There is no file nosuch.txt. Press Enter again to send it as it is."
        assert (sent(app), app.told) == ([], [said])
        await pilot.press("x", "enter")
        await settle(app, pilot)
        assert (sent(app), len(app.told)) == ([], 2)
        await pilot.press("enter")
        await settle(app, pilot)
        assert sent(app) == [("read @nosuch.txtx", [])]


async def test_a_mention_attaches_its_file(tmp_path: Path) -> None:
    """However it was written; one that was taken away, or cannot be read, does not come back."""
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / "picture.png").write_bytes(b"\0\0")
    async with host(tmp_path) as (app, pilot):
        app.query_one(Prompt).load_text("sum up @notes.txt, please")
        await pilot.press("enter")
        await settle(app, pilot)
        assert sent(app) == [("sum up @notes.txt, please", ["notes.txt"])]
        app.query_one(Composer).take()
        app.said.clear()
        app.query_one(Prompt).load_text("and @notes.txt and @picture.png")
        await pilot.press("enter")
        await settle(app, pilot)
        assert (sent(app), app.attached) == ([], ["notes.txt"])
        assert "picture.png is not a text file" in app.told[-1]
        await pilot.click(Chip)
        await pilot.press("enter")
        await settle(app, pilot)
        assert sent(app) == [("and @notes.txt and @picture.png", [])]


async def test_sending_waits_for_what_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing that was attached is left behind, and who waits is told for what."""
    (tmp_path / "notes.txt").write_text("x")
    arrived = threading.Event()

    def slowly(path: Path) -> Extract:
        assert arrived.wait(60)
        return read(path)

    monkeypatch.setattr("localqwq.documents.reading.read", slowly)
    async with host(tmp_path) as (app, pilot):
        await pilot.press(*"@not")
        await pilot.pause(0.1)
        await pilot.press("tab", *"sum up", "enter")
        while app.told != ["Reading notes.txt …"]:
            await pilot.pause(0.01)
        assert sent(app) == []
        arrived.set()
        await settle(app, pilot)
        assert sent(app) == [("@notes.txt sum up", ["notes.txt"])]


async def test_attachments_need_words(tmp_path: Path) -> None:
    """Nobody knows what to do with them otherwise."""
    async with host(tmp_path) as (app, pilot):
        app.post_message(events.Paste("line\n" * 40))
        await settle(app, pilot)
        await pilot.press("enter")
        await settle(app, pilot)
        assert (sent(app), app.attached) == ([], ["Pasted text 1"])
        assert app.told == ["Say what to do with the attachment."]
