"""One run of the real app in a pseudo terminal, from its start to its end."""

import fcntl
import os
import pty
import re
import resource
import select
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import psutil

_KEYS = re.compile(
    rb"\x1b\[200~.*?\x1b\[201~|\x1b\[[0-9;<]*[A-Za-z~]|\x1bO[A-Z]|[^\x1b]", re.DOTALL
)
"""What is one step each: a paste, a key."""
FULL_BYTES = 64 * 1024
"""No file can grow beyond that while the disk is full."""
PATIENCE_S = 60.0
"""What takes longer does not come: by the clock, or where the app has much to do, by its own time
on the processor.
"""
_HANGS_S = 600.0
"""Seconds by the clock after which the app does nothing any more."""
_SWITCHED = {
    "alternate screen": b"?1049",
    "mouse": b"?1000",
    "moves of the mouse": b"?1003",
    "pastes": b"?2004",
    "focus": b"?1004",
}
"""Modes that are on while the app runs."""


class BrokenPromise(AssertionError):
    """Something was lost, or left in disorder."""


class Life:
    """The app while it runs. What it draws is read all the time, as a terminal does."""

    def __init__(self, url: str, environment: Mapping[str, str], folder: Path) -> None:
        self._ours, self._theirs = pty.openpty()
        self._modes = termios.tcgetattr(self._theirs)
        self.resize(80, 24, tell=False)
        self.drawn = bytearray()
        self.steps = 0
        """Keys, pastes, and whatever else happened to the app."""
        self._is_open, self._is_over = True, False
        self.process = subprocess.Popen(
            [sys.executable, "-m", "localqwq", "chat", "--endpoint", url],
            stdin=self._theirs,
            stdout=self._theirs,
            stderr=self._theirs,
            start_new_session=True,
            env={**os.environ, **environment, "TERM": "xterm-256color"},
            cwd=folder,
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def write(self, data: bytes) -> None:
        """Sends what a keyboard, a mouse or a paste sends."""
        self.steps += len(_KEYS.findall(data))
        while data:
            _, writable, _ = select.select([], [self._ours], [], PATIENCE_S)
            if not writable:
                raise BrokenPromise("the app reads no more")
            data = data[os.write(self._ours, data[:1024]) :]

    def resize(self, columns: int, rows: int, *, tell: bool = True) -> None:
        """Makes the window larger or smaller."""
        fcntl.ioctl(self._theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        if tell:
            self.send(signal.SIGWINCH)

    def send(self, number: signal.Signals) -> None:
        """Sends a signal."""
        self.steps += 1
        self.process.send_signal(number)

    def fill_disk(self, *, full: bool) -> None:
        """Fills the disk, as far as this process sees it, or makes room again."""
        self.steps += 1
        largest = FULL_BYTES if full else resource.RLIM_INFINITY
        limits = largest, resource.RLIM_INFINITY
        resource.prlimit(self.process.pid, resource.RLIMIT_FSIZE, limits)

    def sees(self, words: str, since: int, seconds: float = PATIENCE_S) -> bool:
        """Waits until these words are drawn, behind so many bytes; whether they were in time."""
        deadline = time.monotonic() + seconds
        while self.drawn.find(words.encode(), since) < 0:
            self.check_alive()
            if time.monotonic() > deadline:
                return False
            time.sleep(0.01)
        return True

    def until(self, condition: Callable[[], bool], otherwise: str) -> None:
        """Waits for this while the app catches up with its keys; fails with ``otherwise``."""
        process = psutil.Process(self.process.pid)
        used_up, deadline = _processor_s(process) + PATIENCE_S, time.monotonic() + _HANGS_S
        while not condition():
            self.check_alive()
            if _processor_s(process) > used_up or time.monotonic() > deadline:
                raise BrokenPromise(otherwise)
            time.sleep(0.02)

    @property
    def has_terminal(self) -> bool:
        """Whether the app gets every key at once, and as it was pressed."""
        return not termios.tcgetattr(self._theirs)[3] & termios.ICANON

    def check_alive(self) -> None:
        """It has not ended by itself."""
        if self.process.poll() is not None:
            raise BrokenPromise(f"the app has ended: {self.said}")

    def end(self, code: int) -> None:
        """Waits for the end, with this exit code, and the terminal as it was before."""
        try:
            ended = self.process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            raise BrokenPromise("the app does not end") from None
        self._stop_reading()
        if ended != code and not (code == 0 and "What could not be stored is in" in self.said):
            raise BrokenPromise(f"the app ended with {ended} instead of {code}: {self.said}")
        if "internal error" in self.said or "Traceback" in self.said:
            raise BrokenPromise(self.said)

    def check_terminal(self) -> None:
        """The terminal is as it was before the app; a window that is closed has none."""
        if not self._is_open:
            return
        if termios.tcgetattr(self._theirs) != self._modes:
            raise BrokenPromise("the terminal's modes are others than before")
        for name, mode in _SWITCHED.items():
            on, off = (self.drawn.rfind(b"\x1b[" + mode + end) for end in (b"h", b"l"))
            if on > off:
                raise BrokenPromise(f"the {name} is left switched on")
        if self.drawn.rfind(b"\x1b[?25l") > self.drawn.rfind(b"\x1b[?25h"):
            raise BrokenPromise("the cursor is left hidden")

    @property
    def said(self) -> str:
        """What it printed after it had given the terminal back; nothing before that."""
        given_back = self.drawn.rfind(b"\x1b[?1049l")
        printed = bytes(self.drawn[given_back + 8 :]) if given_back >= 0 else b""
        return printed.decode("utf-8", "replace")

    def hang_up(self) -> None:
        """Closes the window."""
        self.steps += 1
        self._stop_reading()
        self.free()

    def close(self) -> None:
        """Ends it in any case."""
        self.process.kill()
        self.process.wait()
        self._stop_reading()

    def free(self) -> None:
        """Closes the terminal."""
        if self._is_open:
            self._is_open = False
            os.close(self._theirs)
            os.close(self._ours)

    def _stop_reading(self) -> None:
        self._is_over = True
        self._reader.join()

    def _read(self) -> None:
        while True:
            if select.select([self._ours], [], [], 0.05)[0]:
                self.drawn += os.read(self._ours, 1 << 16)
            elif self._is_over:
                return


def _processor_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)
