"""kill -9 of the app in the middle of a thought: at most the last second is missing."""

import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from localqwq.conversations.store import LOST_NOTE, Store
from localqwq.conversations.turns import Turn
from localqwq.locations import conversations_file

PATIENCE = 60.0
"""Seconds; what takes so long does not come."""


def turns() -> tuple[Turn, ...]:
    """What another process sees of the conversation."""
    with Store(conversations_file()) as store:
        last = store.last()
    return last.path() if last else ()


def drain(terminal: int, until: Callable[[bytes], bool]) -> None:
    """Reads what the app draws, which would wait otherwise, until that is enough."""
    drawn = b""
    deadline = time.monotonic() + PATIENCE
    while not until(drawn):
        assert time.monotonic() < deadline, drawn[-2000:]
        readable, _, _ = select.select([terminal], [], [], 0.2)
        drawn += os.read(terminal, 1 << 16) if readable else b""


def is_thinking(_: bytes) -> bool:
    """Whether a good part of a thought is stored."""
    found = turns()
    return len(found) == 2 and len(found[1].thought) > 100


def test_what_was_thought_is_there_again(rambler: Path) -> None:
    """The prompt and the words so far are stored, the turn is lost, and the engine ends."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "localqwq", "chat", str(rambler), "--ctx", "16384"]
    with subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    ) as app:
        os.close(theirs)
        try:
            drain(ours, lambda drawn: b"sk something" in drawn)
            os.write(ours, b"Go on\r")
            drain(ours, is_thinking)
            engines = psutil.Process(app.pid).children(recursive=True)
            seen = turns()[1].thought
        finally:
            app.kill()
    prompt, answer = turns()
    assert prompt.text == "Go on"
    assert (answer.status, answer.note) == ("lost", LOST_NOTE)
    assert answer.thought.startswith(seen)
    _, alive = psutil.wait_procs(engines, timeout=30)
    assert alive == []
    os.close(ours)
