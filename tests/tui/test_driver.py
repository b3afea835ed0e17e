"""The terminal is read by a thread that sleeps, and misses nothing."""

import asyncio
import contextlib
import os
import pty
import sys
import threading
import time
import tty
from collections.abc import Iterator
from pathlib import Path

import pytest
from textual.app import App
from textual.events import Key, Paste
from textual.message import Message

from localqwq.tui.terminal.driver import TerminalDriver


class Reader(TerminalDriver):
    """Collects what was read, of a terminal of its own."""

    def __init__(self, descriptor: int) -> None:
        super().__init__(App[None](), mouse=False)
        self.fileno = descriptor
        self.messages: list[Message] = []
        self.came = threading.Condition()

    def process_message(self, message: Message) -> None:
        with self.came:
            self.messages.append(message)
            self.came.notify_all()

    def start(self) -> threading.Thread:
        self._key_thread = threading.Thread(target=self.run_input_thread, daemon=True)
        self._key_thread.start()
        return self._key_thread

    def wait(self, count: int) -> list[Message]:
        with self.came:
            assert self.came.wait_for(lambda: len(self.messages) >= count, 20), self.messages
            return list(self.messages)


@pytest.fixture
def terminal() -> Iterator[tuple[int, Reader]]:
    async def made() -> Reader:  # an app wants a running loop
        return Reader(theirs)

    ours, theirs = pty.openpty()
    tty.setraw(theirs)
    reader = asyncio.run(made())
    yield ours, reader
    for descriptor in (ours, theirs):
        with contextlib.suppress(OSError):
            os.close(descriptor)


def keys(messages: list[Message]) -> list[str]:
    return [message.key for message in messages if isinstance(message, Key)]


def test_keys_and_pastes_come_as_they_were_typed(terminal: tuple[int, Reader]) -> None:
    ours, reader = terminal
    thread = reader.start()
    os.write(ours, "aß\x1b[A".encode())
    assert keys(reader.wait(3)) == ["a", "ß", "up"]
    os.write(ours, b"\x1b[200~some text\x1b[201~")
    paste = reader.wait(4)[3]
    assert isinstance(paste, Paste)
    assert paste.text == "some text"
    reader.disable_input()
    assert not thread.is_alive()


def test_what_is_not_read_yet_when_the_terminal_is_lent_is_read_afterwards(
    terminal: tuple[int, Reader], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when a shell stops the app, which is busy, among quick keys."""
    ours, reader = terminal
    take, goes_on = reader.process_message, threading.Event()

    def slowly(message: Message) -> None:
        take(message)
        goes_on.wait(20)

    monkeypatch.setattr(reader, "process_message", slowly)
    reader.start()
    os.write(ours, b"a")
    reader.wait(1)
    os.write(ours, b"bc")
    reader._comes_back = True
    threading.Timer(0.2, goes_on.set).start()
    reader.disable_input()
    reader.start()
    assert keys(reader.wait(3)) == ["a", "b", "c"]
    reader.disable_input()


def test_a_lone_escape_is_one_without_another_key(terminal: tuple[int, Reader]) -> None:
    ours, reader = terminal
    reader.start()
    os.write(ours, b"\x1b")
    assert keys(reader.wait(1)) == ["escape"]
    reader.disable_input()


def test_an_escape_among_words_is_one(terminal: tuple[int, Reader]) -> None:
    """As ``tmux send-keys "one " Escape "two " Escape`` sends it."""
    ours, reader = terminal
    reader.start()
    os.write(ours, b"one \x1btwo \x1b")
    typed = [*"one", "space", "escape", *"two", "space", "escape"]
    assert keys(reader.wait(len(typed))) == typed
    reader.disable_input()


def test_a_letter_in_two_pieces_is_one(terminal: tuple[int, Reader]) -> None:
    ours, reader = terminal
    reader.start()
    first, second = "ß".encode()[:1], "ß".encode()[1:]
    os.write(ours, first)
    time.sleep(0.1)
    os.write(ours, second)
    assert keys(reader.wait(1)) == ["ß"]
    reader.disable_input()


def test_it_ends_while_nobody_types_and_begins_again(terminal: tuple[int, Reader]) -> None:
    """As suspending the app does."""
    ours, reader = terminal
    for number in range(1, 4):
        thread = reader.start()
        os.write(ours, b"x")
        assert keys(reader.wait(number)) == ["x"] * number
        reader.disable_input()
        assert not thread.is_alive()


def test_a_closed_terminal_ends_the_reading(terminal: tuple[int, Reader]) -> None:
    ours, reader = terminal
    thread = reader.start()
    os.close(ours)
    thread.join(20)
    assert not thread.is_alive()


@pytest.mark.skipif(sys.platform != "linux", reason="threads are counted by Linux")
def test_it_sleeps_while_nobody_types(terminal: tuple[int, Reader]) -> None:
    ours, reader = terminal
    thread = reader.start()
    os.write(ours, b"x")
    reader.wait(1)
    time.sleep(1.0)  # by now it has made up its mind about what was typed
    before = switches(thread)
    time.sleep(1.0)
    assert switches(thread) - before <= 1
    reader.disable_input()


def switches(thread: threading.Thread) -> int:
    """How often the thread has gone to sleep of itself."""
    status = Path(f"/proc/self/task/{thread.native_id}/status").read_text()
    return int(status.partition("\nvoluntary_ctxt_switches:")[2].split()[0])
