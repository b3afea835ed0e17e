"""Copying says what was done, and nothing else."""

from pathlib import Path

import pytest
from textual.app import App

from localqwq.locations import cache_directory
from localqwq.tui.terminal.clipboard import LONGEST_SEQUENCE, TOOL_SECONDS, copy, tools
from localqwq.tui.widgets.transcript.turns import AssistantTurn
from tests.chatting import chat, served

TEXT = "\\( x^2 \\)\nand a “quote”"


def tool(folder: Path, name: str, script: str) -> None:
    """A program of that name."""
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder on the path beside the system's, on a machine with a display."""
    for variable in ("SSH_CONNECTION", "SSH_TTY", "WAYLAND_DISPLAY", "WSL_DISTRO_NAME", "TMUX"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("DISPLAY", ":7")
    monkeypatch.setattr("sys.platform", "linux")
    programs = tmp_path / "programs"
    programs.mkdir()
    tool(programs, "cat", 'exec /bin/cat "$@"')
    tool(programs, "sleep", 'exec /bin/sleep "$@"')
    monkeypatch.setenv("PATH", str(programs))
    return programs


async def test_a_tool_that_takes_the_text_has_it(folder: Path, tmp_path: Path) -> None:
    """All of it, and only then is it called copied."""
    tool(folder, "xclip", f'test "$2" = clipboard && cat > {tmp_path}/taken')
    async with App[None]().run_test() as pilot:
        assert await copy(pilot.app, TEXT) == "Copied (2 lines)."
    assert (tmp_path / "taken").read_text() == TEXT
    assert not list(cache_directory().iterdir())


async def test_a_tool_that_fails_is_followed_by_the_next(folder: Path, tmp_path: Path) -> None:
    """And a tool that cannot be started, too."""
    tool(folder, "xclip", "exit 1")
    tool(folder, "xsel", f"cat > {tmp_path}/taken")
    async with App[None]().run_test() as pilot:
        assert await copy(pilot.app, "x" * 9) == "Copied (9 characters)."
    assert (tmp_path / "taken").read_text() == "x" * 9


async def test_without_a_tool_it_is_in_a_file_and_nothing_is_claimed(folder: Path) -> None:
    """What the terminal does with the text is not known."""
    (folder / "xclip").write_bytes(b"no program")
    (folder / "xclip").chmod(0o755)
    tool(folder, "xsel", "exit 3")
    async with App[None]().run_test() as pilot:
        sentence = await copy(pilot.app, TEXT)
        assert pilot.app.clipboard == TEXT
        path = cache_directory() / "copied.txt"
        assert "Copied" not in sentence
        assert sentence.endswith(f"it is also in {path}.")
        assert path.read_text() == TEXT
        assert path.stat().st_mode & 0o777 == 0o600
        assert "Too long" in await copy(pilot.app, "é" * LONGEST_SEQUENCE)
        assert pilot.app.clipboard == TEXT
        assert await copy(pilot.app, "") == "There is nothing to copy here."


async def test_tmux_takes_it_for_itself_and_its_terminal(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What an application sends to the terminal's clipboard does not get through tmux."""
    tool(folder, "xclip", "exit 1")
    tool(folder, "tmux", f'test "$*" = "load-buffer -w -" && cat > {tmp_path}/taken')
    monkeypatch.setenv("TMUX", "/tmp/tmux-0/default,1,0")
    async with App[None]().run_test() as pilot:
        sentence = await copy(pilot.app, TEXT)
        path = cache_directory() / "copied.txt"
        assert sentence.startswith("Copied into tmux (prefix ] pastes it), and sent on")
        assert sentence.endswith(f"it is also in {path}.")
        assert (tmp_path / "taken").read_text() == path.read_text() == TEXT
        tool(folder, "tmux", "exit 1")  # an old one, or one that has gone
        assert "which does not confirm it; it is also in" in await copy(pilot.app, TEXT)
        assert pilot.app.clipboard == TEXT


async def test_what_is_selected_is_copied_as_honestly(
    folder: Path, tmp_path: Path, home: Path, demo_server: str
) -> None:
    """By the mouse in the transcript, and by keys in the prompt, where the focus is."""
    tool(folder, "xclip", f"cat > {tmp_path}/taken")
    taken = tmp_path / "taken"
    async with chat(served(demo_server), home / "store") as app:
        await app.ask("What is 1 + 1?")
        answer = app.chat.query_one(AssistantTurn).answer
        await app.pilot.mouse_down(answer, offset=(2, 0))
        await app.pilot.hover(answer, offset=(9, 0))
        await app.pilot.mouse_up(answer, offset=(9, 0))
        await app.until(lambda: bool(app.chat.get_selected_text()))
        await app.pilot.press("ctrl+c")
        await app.until(lambda: taken.exists() and taken.read_text().startswith("1 + 1 ="))
        app.prompt.focus()
        await app.type("half")
        await app.pilot.press("shift+left", "shift+left", "ctrl+c")
        await app.until(lambda: taken.read_text() == "lf")


async def test_a_tool_that_hangs_is_ended(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """xclip waits forever for a display that is gone."""
    monkeypatch.setattr("localqwq.tui.terminal.clipboard.TOOL_SECONDS", TOOL_SECONDS / 10)
    tool(folder, "xclip", "exec sleep 60")
    async with App[None]().run_test() as pilot:
        assert "terminal's clipboard" in await copy(pilot.app, TEXT)


@pytest.mark.parametrize(
    ("environment", "platform", "names"),
    [
        ({}, "darwin", ["pbcopy"]),
        ({"SSH_TTY": "/dev/pts/0"}, "darwin", []),
        ({"WAYLAND_DISPLAY": "wayland-0", "DISPLAY": ":0"}, "linux", ["wl-copy", "xclip", "xsel"]),
        ({"SSH_CONNECTION": "a b", "DISPLAY": "localhost:10"}, "linux", ["xclip", "xsel"]),
        ({"WSL_DISTRO_NAME": "Debian"}, "linux", ["clip.exe"]),
        ({}, "linux", []),
    ],
)
def test_tools_are_those_of_the_session(
    environment: dict[str, str], platform: str, names: list[str]
) -> None:
    """Another machine's clipboard is none."""
    assert [tool.command[0] for tool in tools(environment, platform)] == names
