"""The app is told to end from outside: the terminal is as it was, and every word is stored."""

import os
import pty
import select
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from localqwq.conversations.store import Store
from localqwq.conversations.turns import Turn
from localqwq.locations import conversations_file
from tests.servers import announced, server_command

PATIENCE = 60.0
"""Seconds; what takes so long does not come."""
ENTERED = {
    "alternate screen": b"\x1b[?1049",
    "mouse": b"\x1b[?1000",
    "all of the mouse": b"\x1b[?1003",
    "pastes": b"\x1b[?2004",
    "focus": b"\x1b[?1004",
}
"""Modes that are on while the app runs: `h` turns them on, `l` off."""

FAULTY = """
import sys
from localqwq.cli.main import main
from localqwq.tui.screens.chat.view_commands import ViewCommands

def fail(self, session):
    raise ZeroDivisionError("made to fail")

ViewCommands._theme = fail
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture(scope="module")
def rambling(rambler: Path) -> Iterator[str]:
    """The URL of a server whose model never stops thinking."""
    command = server_command(rambler, "--port", "0", "--parent-pipe", context=16_384)
    with announced(command) as url:
        yield url


class Running:
    """A program on a terminal."""

    def __init__(self, process: subprocess.Popen[bytes], ours: int, theirs: int) -> None:
        self.process = process
        self.ours = ours
        self._theirs = theirs
        self.drawn = b""
        self.modes_before = termios.tcgetattr(theirs)

    @property
    def modes(self) -> list[Any]:
        """How the terminal is set."""
        return termios.tcgetattr(self._theirs)

    def until(self, condition: Callable[[], bool]) -> None:
        """Reads what is drawn until a condition holds."""
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < deadline, self.drawn[-2000:]
            if select.select([self.ours], [], [], 0.1)[0]:
                self.drawn += os.read(self.ours, 1 << 16)

    def read(self, seconds: float) -> None:
        """Reads for so long."""
        end = time.monotonic() + seconds
        self.until(lambda: time.monotonic() > end)

    def end(self) -> int:
        """Reads until it has ended and nothing is left; returns its exit code."""
        self.until(lambda: self.process.poll() is not None)
        while select.select([self.ours], [], [], 0.1)[0]:
            self.drawn += os.read(self.ours, 1 << 16)
        return self.process.returncode


@contextmanager
def running(*arguments: str, program: str = "") -> Iterator[Running]:
    """The app with these arguments, or a program of Python that starts it."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-c", program] if program else [sys.executable, "-m", "localqwq"]
    process = subprocess.Popen(
        [*command, *arguments], stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    )
    try:
        yield Running(process, ours, theirs)
    finally:
        process.kill()
        process.wait()
        os.close(ours)
        os.close(theirs)


def turns() -> tuple[Turn, ...]:
    """What another process sees of the conversation."""
    with Store(conversations_file()) as store:
        last = store.last()
    return last.path() if last else ()


def draft() -> str:
    """What is typed in it and not sent."""
    with Store(conversations_file()) as store:
        last = store.last()
        assert last is not None
        return store.draft(last.id).text


def assert_given_back(app: Running) -> None:
    """The terminal is as it was before the app."""
    assert app.modes == app.modes_before
    for name, mode in ENTERED.items():
        on, off = app.drawn.rfind(mode + b"h"), app.drawn.rfind(mode + b"l")
        assert 0 <= on < off, name
    hidden, shown = app.drawn.rfind(b"\x1b[?25l"), app.drawn.rfind(b"\x1b[?25h")
    assert hidden < shown


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT])
def test_a_signal_ends_it_in_order(number: signal.Signals, rambling: str) -> None:
    """In the middle of a thought, with something typed a moment ago."""
    with running("chat", "--endpoint", rambling) as app:
        app.until(lambda: b"sk something" in app.drawn)
        os.write(app.ours, b"Go on\r")
        app.until(lambda: len(turns()) == 2 and len(turns()[1].thought) > 100)
        os.write(app.ours, b"typed")
        app.read(0.3)
        seen = turns()[1].thought
        app.process.send_signal(number)
        assert app.end() == 128 + number
        assert_given_back(app)
    prompt, answer = turns()
    assert prompt.text == "Go on"
    assert answer.status == "stopped"
    assert answer.thought.startswith(seen)
    assert draft() == "typed"


def test_a_signal_while_it_starts_leaves_the_terminal_alone(demo_gguf: Path) -> None:
    """Before anything is drawn, and at several moments behind that."""
    for delay in (0.05, 0.3, 0.6, 1.2):
        with running("chat", str(demo_gguf), "--ctx", "256") as app:
            app.read(delay)
            app.process.send_signal(signal.SIGTERM)
            assert app.end() in (128 + signal.SIGTERM, -signal.SIGTERM)
            assert app.modes == app.modes_before
            assert app.drawn.count(b"\x1b[?1049h") == app.drawn.count(b"\x1b[?1049l")


def test_it_is_stopped_and_goes_on(rambling: str) -> None:
    """In the middle of a thought, by SIGTSTP and by SIGSTOP; also told to when it was not."""
    with running("chat", "--endpoint", rambling) as app:
        app.until(lambda: b"sk something" in app.drawn)
        os.write(app.ours, b"Go on\r")
        app.until(lambda: len(turns()) == 2 and len(turns()[1].thought) > 100)
        process = psutil.Process(app.process.pid)
        for number in (signal.SIGTSTP, signal.SIGSTOP, signal.SIGTSTP, signal.SIGTSTP):
            app.process.send_signal(number)
            app.until(lambda: process.status() == psutil.STATUS_STOPPED)
            app.read(0.1)
            if number == signal.SIGTSTP:
                assert_given_back(app)
            app.process.send_signal(signal.SIGCONT)
            app.process.send_signal(signal.SIGCONT)
            app.read(0.3)
            os.write(app.ours, b"abc ")
        app.until(lambda: draft() == "abc abc abc abc ")
        app.process.send_signal(signal.SIGTERM)
        assert app.end() == 128 + signal.SIGTERM
        assert_given_back(app)
    assert turns()[1].status == "stopped"


def test_an_exception_that_nobody_expected(demo_server: str) -> None:
    """One line says so; the terminal and the words are safe."""
    with running("chat", "--endpoint", demo_server, program=FAULTY) as app:
        app.until(lambda: b"sk something" in app.drawn)
        os.write(app.ours, b"What is 12 + 30?\r")
        app.until(lambda: len(turns()) == 2 and turns()[1].status == "done")
        os.write(app.ours, b"/theme\r")
        assert app.end() == 1
        assert_given_back(app)
        said = app.drawn[app.drawn.rfind(b"\x1b[?1049l") :].decode()
        assert "error: internal error: ZeroDivisionError: made to fail" in said
        assert "Traceback" not in said
    assert turns()[1].text


def test_a_terminal_that_is_gone_costs_no_word(rambling: str) -> None:
    """What has come in the last second is stored as well."""
    with running("chat", "--endpoint", rambling) as app:
        app.until(lambda: b"sk something" in app.drawn)
        os.write(app.ours, b"Go on\r")
        app.until(lambda: len(turns()) == 2 and len(turns()[1].thought) > 100)
        os.close(app._theirs)
        os.close(app.ours)
        app.ours, app._theirs = pty.openpty()
        assert app.process.wait(PATIENCE) == 128 + signal.SIGHUP
    assert turns()[1].status == "stopped"
