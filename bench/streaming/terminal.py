"""A terminal to run things on: what they draw is read and forgotten."""

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
from collections.abc import Sequence
from threading import Thread

COLUMNS, ROWS = 100, 40


class OnTerminal:
    """``python -m module`` on a pseudo-terminal of its own."""

    def __init__(self, module: str, arguments: Sequence[str]) -> None:
        """Starts it."""
        self._module = module
        self._drawn = b""
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        environment = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
        command = [sys.executable, "-m", module, *arguments]
        self.process = subprocess.Popen(
            command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment
        )
        os.close(theirs)
        self._reader = Thread(target=self._read)
        self._reader.start()

    def wait(self) -> None:
        """Returns when it has ended; raises on failure."""
        code = self.process.wait()
        self._reader.join()
        os.close(self._ours)
        if code:
            raise SystemExit(f"{self._module} failed:\n{self._drawn.decode(errors='replace')}")

    def _read(self) -> None:
        try:
            while piece := os.read(self._ours, 1 << 16):
                self._drawn = (self._drawn + piece)[-4000:]
        except OSError:  # Linux says so when the other side is closed.
            pass


def run_on_terminal(module: str, arguments: Sequence[str]) -> None:
    """Runs ``python -m module`` on a pseudo-terminal until it ends; raises on failure."""
    OnTerminal(module, arguments).wait()
