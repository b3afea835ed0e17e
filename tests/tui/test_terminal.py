"""The app and its engine end with their terminal."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import psutil

from localqwq.children import Child
from tests.child_processes import command_of

# Leads the terminal's session and outlives its end, as `make` does while its recipe runs.
LEADER = """
import fcntl, signal, subprocess, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
signal.signal(signal.SIGHUP, lambda *_: None)
sys.exit(subprocess.call(sys.argv[1:]))
"""
READY = b"487 + 256"
"""On the screen once the model answers."""


def test_a_closed_terminal_ends_the_app_and_its_engine(demo_gguf: Path) -> None:
    """Though no process but the session's leader gets SIGHUP, and that one waits for the app."""
    ours, theirs = pty.openpty()
    app = [sys.executable, "-m", "localqwq", "chat", str(demo_gguf), "--ctx", "256"]
    leader = subprocess.Popen(
        [sys.executable, "-c", LEADER, *app],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    with leader:
        os.close(theirs)
        drawn = b""
        while READY not in drawn:
            piece = os.read(ours, 4096)
            assert piece, drawn
            drawn += piece
        started = psutil.Process(leader.pid).children(recursive=True)
        assert any(Child.ENGINE in command_of(child) for child in started)
        os.close(ours)
        _, alive = psutil.wait_procs(started, timeout=30)
        for process in alive:
            process.kill()
        assert alive == []
        assert leader.wait(30) == 129
