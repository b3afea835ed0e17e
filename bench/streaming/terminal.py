"""A terminal to run things on: what they draw is read and forgotten."""

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
from collections.abc import Sequence

COLUMNS, ROWS = 100, 40


def run_on_terminal(module: str, arguments: Sequence[str]) -> None:
    """Runs ``python -m module`` on a pseudo-terminal until it ends; raises on failure."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    environment = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
    command = [sys.executable, "-m", module, *arguments]
    with subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment
    ) as process:
        os.close(theirs)
        drawn = b""
        try:
            while piece := os.read(ours, 1 << 16):
                drawn = (drawn + piece)[-4000:]
        except OSError:  # Linux says so when the other side is closed.
            pass
        code = process.wait()
    os.close(ours)
    if code:
        raise SystemExit(f"{module} failed:\n{drawn.decode(errors='replace')}")
