"""What the command line settles before the app is drawn, on a real terminal."""

import gc
import os
import pty
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from localqwq.conversations.store import Store
from localqwq.locations import data_directory
from localqwq.models.launch_options import LaunchOptions
from localqwq.models.launching import launch
from localqwq.models.spec import ResolvedModel
from localqwq.settings.file import SettingsFile
from localqwq.settings.schema import Settings
from localqwq.tui.app import ChatApp
from localqwq.tui.session.beginning import Beginning
from localqwq.tui.session.models import ChildModel, Local
from localqwq.tui.widgets.prompt import Prompt
from tests.chatting import chat as chatting
from tests.chatting import local


def chat(*arguments: str) -> tuple[int, str]:
    """Exit code and output of `localqwq chat` on a pseudo-terminal."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "localqwq", "chat", *arguments]
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        output = b""
        try:
            while piece := os.read(ours, 4096):
                output += piece
        except OSError:  # Linux says so when the other side is closed.
            pass
        code = process.wait(timeout=60)
    os.close(ours)
    return code, output.decode()


def test_continuing_without_a_conversation_fails_with_a_sentence() -> None:
    """`--continue` promises an old conversation; a new one would be a surprise."""
    code, output = chat("--continue")
    assert code == 1
    assert output.strip() == (
        "error: There is no conversation to continue yet: start one with `localqwq`."
    )


def test_resuming_an_unknown_conversation_names_the_known_ones() -> None:
    """The sentence has ids that work."""
    with Store(data_directory() / "conversations.sqlite") as store:
        store.create("How many r's?")
    code, output = chat("--resume", "7")
    assert code == 1
    assert "no conversation 7" in output
    assert "1 (“How many r's?”)" in output


def test_the_app_is_not_drawn_into_a_file(tmp_path: Path) -> None:
    """With stderr redirected nothing would be seen, so it says so instead."""
    ours, theirs = pty.openpty()
    log = tmp_path / "log"
    with log.open("wb") as stderr:
        code = subprocess.run(
            [sys.executable, "-m", "localqwq", "chat"],
            stdin=theirs,
            stdout=theirs,
            stderr=stderr,
            timeout=60,
            check=False,
        ).returncode
    os.close(ours)
    os.close(theirs)
    assert code == 1
    assert "error: The app needs stderr for drawing" in log.read_text()


LATER = ("pydantic", "httpx", "sqlite3", "numpy", "llama_cpp", "markdown_it", "pygments", "openai")
"""Libraries that take long to import."""


def unmeasured() -> dict[str, str]:
    """Return an environment in which no coverage is measured, which imports some of them."""
    return {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}


def test_the_first_frame_needs_no_heavy_library() -> None:
    """They are imported behind it, where nobody waits for them."""
    names = (
        "localqwq.cli.main, localqwq.cli.chat, localqwq.tui.session.local_supply, localqwq.tui.app"
    )
    code = f"import sys, {names}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env=unmeasured(),
    )
    assert not {name.partition(".")[0] for name in done.stdout.split()} & set(LATER)


UNTIL_IT_RUNS = """
import sys
from pathlib import Path
from localqwq.cli.main import main
from localqwq.tui.app import ChatApp

ChatApp.run = lambda app: Path(sys.argv[1]).write_text(" ".join(sys.modules)) and None
main(["chat"])
"""


def test_nothing_heavy_is_imported_on_the_way_to_the_app(tmp_path: Path) -> None:
    """Neither by what looks for the model and the settings before it runs."""
    ours, theirs = pty.openpty()
    imported = tmp_path / "imported"
    subprocess.run(
        [sys.executable, "-c", UNTIL_IT_RUNS, imported],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        check=True,
        timeout=60,
        env=unmeasured(),
    )
    os.close(ours)
    os.close(theirs)
    assert not {name.partition(".")[0] for name in imported.read_text().split()} & set(LATER)


class SlowFile(SettingsFile):
    """A settings' file on a disk that takes its time."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.arrived = threading.Event()

    def read(self) -> Settings:
        """Not before it has arrived."""
        assert self.arrived.wait(60)
        return super().read()


async def test_the_app_is_there_before_the_settings_are_read(
    demo_gguf: Path, tmp_path: Path
) -> None:
    """The screen waits for them neither to be drawn nor to be typed in, and what is sent so early
    is answered."""
    file = SlowFile(tmp_path / "settings.toml")
    app = ChatApp(local(demo_gguf), tmp_path / "store", Beginning(), file)
    gc.disable()  # as whoever starts it does
    async with app.run_test() as pilot:
        await pilot.press("h", "i")
        assert app.screen.query_one(Prompt).text == "hi"
        assert "hi" in "".join(strip.text for strip in app.screen._compositor.render_strips())
        await pilot.press("enter")
        assert app.screen.query_one(Prompt).text == ""
        file.arrived.set()
        for _ in range(3000):
            if app.session is not None and len(app.session.path) == 2:
                break
            await pilot.pause(0.02)
        assert app.session is not None
        assert [turn.status for turn in app.session.path] == ["done", "done"]
        assert app.session.path[0].text == "hi"
        assert gc.isenabled()


async def test_what_the_model_has_to_do_without_is_said(
    demo_gguf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A device that does not answer costs a sentence, and the model answers all the same."""
    monkeypatch.setenv("LOCALQWQ_RPC", "127.0.0.1:1")
    resolved = ResolvedModel(demo_gguf, "demo", "Q8_0")
    model = ChildModel(lambda: Local("demo", "Q8_0", launch(resolved, LaunchOptions(2048))))
    async with chatting(model, tmp_path / "store") as user:
        await user.until(user.is_idle)
        await user.until(lambda: "RPC server 127.0.0.1:1" in user.text())
        await user.ask("How many r's are in strawberry?")
        assert user.turns()[-1].status == "done"
