"""The program on a terminal of its own, driven by what a terminal sends."""

import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from localqwq.conversations.store import Store
from localqwq.conversations.turns import Turn
from localqwq.locations import conversations_file

PATIENCE = 60.0
"""Seconds; what takes so long does not come."""


class Program:
    """A program and the terminal that it runs on."""

    def __init__(self, process: subprocess.Popen[bytes], terminal: int, theirs: int) -> None:
        self.process = process
        self._terminal = terminal
        self._theirs = theirs
        self.drawn = b""
        """Everything that it has written so far."""
        self._found = 0

    def write(self, data: bytes) -> None:
        """Sends what a terminal would send, and reads meanwhile, as a terminal does."""
        while data:
            readable, writable, _ = select.select([self._terminal], [self._terminal], [], 1)
            if readable:
                self._read()
            if writable:
                data = data[os.write(self._terminal, data[:1024]) :]

    def until(self, condition: Callable[[], bool]) -> None:
        """Reads what it writes until a condition holds."""
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < deadline, self.drawn[-3000:]
            readable, _, _ = select.select([self._terminal], [], [], 0.05)
            if readable:
                self._read()

    def shows(self, words: str) -> Callable[[], bool]:
        """A condition: these words are drawn from now on."""
        return self.shows_bytes(words.encode())

    def shows_bytes(self, words: bytes) -> Callable[[], bool]:
        """The same for what a terminal obeys."""
        return self._finds(words, len(self.drawn))

    def follows(self, words: str) -> Callable[[], bool]:
        """The same behind the words found last, since they may have come at once."""
        return self._finds(words.encode(), self._found)

    def _finds(self, words: bytes, begun: int) -> Callable[[], bool]:
        def found() -> bool:
            at = self.drawn.find(words, begun)
            if at >= 0:
                self._found = at + len(words)
            return at >= 0

        return found

    def has_ended(self) -> bool:
        """Whether it has ended."""
        return self.process.poll() is not None

    def modes(self) -> list[Any]:
        """How the terminal is set."""
        return termios.tcgetattr(self._theirs)

    def hang_up(self) -> None:
        """Closes the terminal, as its window does."""
        os.close(self._theirs)
        os.close(self._terminal)
        self._theirs = self._terminal = -1

    def close(self) -> None:
        """Ends the program, and closes the terminal."""
        self.process.kill()
        self.process.wait()
        if self._terminal >= 0:
            self.hang_up()

    def _read(self) -> None:
        try:
            self.drawn += os.read(self._terminal, 1 << 16)
        except OSError:  # Linux says so when the other side is closed.
            time.sleep(0.05)


@contextmanager
def program(
    *arguments: str,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
    command: Sequence[str] = ("-m", "localqwq"),
) -> Iterator[Program]:
    """`localqwq` with these arguments, on 80 by 24; it is killed if it does not end by itself.

    `command`: what else Python is to run.
    """
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    process = subprocess.Popen(
        [sys.executable, *command, *arguments],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        env={**os.environ, "TERM": "xterm-256color", **(environment or {})},
        cwd=folder,
    )
    shown = Program(process, ours, theirs)
    try:
        yield shown
    finally:
        shown.close()


def stored_turns() -> tuple[Turn, ...]:
    """The turns of the last conversation, as another process sees them."""
    with Store(conversations_file()) as store:
        last = store.last()
    return last.path() if last else ()


def has_answer() -> bool:
    """Whether the last turn of the last conversation is a complete answer."""
    found = stored_turns()
    return bool(found) and (found[-1].role, found[-1].status) == ("assistant", "done")
