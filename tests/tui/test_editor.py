"""The prompt in the person's own editor."""

import os
import sys
from pathlib import Path

import pytest
from textual.app import App

from localqwq.conversations.store import Store
from localqwq.errors import LocalqwqError
from localqwq.locations import conversations_file
from localqwq.tui.editor import edited, editor_command
from tests.pseudo_terminal import program


def test_which_editor() -> None:
    """VISUAL goes before EDITOR, arguments are kept, and what cannot be read is said."""
    assert editor_command({"VISUAL": "code --wait", "EDITOR": "vi"}) == ["code", "--wait"]
    assert editor_command({"VISUAL": " ", "EDITOR": "'/my editor' -x"}) == ["/my editor", "-x"]
    with pytest.raises(LocalqwqError, match="VISUAL cannot be parsed"):
        editor_command({"VISUAL": "'"})


def test_without_an_editor(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The sentence names the way out."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LocalqwqError, match="set EDITOR"):
        editor_command({})
    (tmp_path / "vi").touch(0o755)
    assert editor_command({}) == ["vi"]


async def test_an_app_without_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """It says so."""
    monkeypatch.setenv("EDITOR", "true")
    async with App[None]().run_test() as pilot:
        with pytest.raises(LocalqwqError, match="a terminal of its own"):
            await edited(pilot.app, "text")


def draft() -> str:
    """What is stored of the prompt."""
    with Store(conversations_file()) as store:
        return store.draft(None).text


EDITOR = """
import sys, pathlib
path = pathlib.Path(sys.argv[1])
text = path.read_text()
if "fail" in text:
    sys.exit(3)
print("the terminal is mine:", sys.stdin.readline())
path.write_text(text.upper() + "second line\\n")
"""


def test_the_editor_gets_the_terminal(demo_server: str, tmp_path: Path) -> None:
    """It reads lines as anybody does, the prompt is what it wrote, and the app is back.

    One that fails changes nothing.
    """
    script = tmp_path / "my-editor"  # a short name, so that no line with it is wrapped
    script.write_text(f"#!{sys.executable}{EDITOR}")
    script.chmod(0o755)
    environment = {"VISUAL": script.name, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    arguments = ("chat", "--endpoint", demo_server + "/v1")
    with program(*arguments, environment=environment) as app:
        before = app.modes()
        app.until(app.shows("sk something"))
        app.write(b"first\x18\x05")
        app.until(lambda: app.modes() == before)
        shown = app.shows("the terminal is mine: typed")
        app.write(b"typed\r")
        app.until(shown)
        app.until(lambda: draft() == "FIRST\nsecond line")
        app.write(b" fail\x18\x05")
        app.until(app.shows("my-editor ended with code 3: the prompt is unchanged."))
        app.until(lambda: draft() == "FIRST\nsecond line fail")
        app.write(b"\x11")
        app.until(app.has_ended)
        assert (app.process.returncode, app.modes()) == (0, before)
