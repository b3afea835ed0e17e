"""How soon the app is there, and how soon a key shows: while it loads and while it answers.

    python -m bench.tui_latency [--model PATH] [--keys 100] [--starts 5]

The real app runs on a terminal of 100 by 40, with SmolLM2-135M unless ``--model`` names another
GGUF. First paint is counted from the start of the process to the empty prompt on the terminal; the
goal is less than 0.7 s. Then letters are typed, each of them once, at a person's pace, and what the
app draws is watched for them: at first while the model is loaded, then while it answers. The
longest wait for one is what would be felt as a hang.
"""

import argparse
import contextlib
import fcntl
import os
import pty
import random
import select
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import psutil

from bench.smollm2 import smollm2
from localqwq.errors import LocalqwqError

COLUMNS, ROWS = 100, 40
FIRST = "sk something"
"""Of what the empty prompt says; the cursor is on its first letter."""
PAUSE = 0.08
"""Seconds between two keys, on average."""
PATIENCE = 60.0
LETTERS = [chr(code) for code in (*range(0x03B1, 0x03CA), *range(0x0430, 0x0450))]
"""What no model answers an English prompt with."""
PROMPT = "Write a very long story about the sea, with many details."
SETTINGS = "[sampling]\ntemperature = 0\n[thinking]\nloop_detection = false\n"
"""So a small model repeats itself, and neither it nor the app ends that before the last key."""


class Terminal:
    """The app on a pseudo-terminal."""

    def __init__(
        self,
        arguments: list[str],
        environment: dict[str, str],
        size: tuple[int, int] = (COLUMNS, ROWS),
    ) -> None:
        self._ours, theirs = pty.openpty()
        columns, rows = size
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.drawn = b""
        """What came last."""
        self.written = 0
        """How many bytes came in all."""
        self.began = time.perf_counter()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "localqwq", "chat", *arguments],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=environment,
            start_new_session=True,
        )
        os.close(theirs)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.type("\x11")  # Ctrl+Q
        with contextlib.suppress(OSError):
            while self._process.poll() is None:
                self._read(0.1)
        os.close(self._ours)

    @property
    def pid(self) -> int:
        """The app's process."""
        return self._process.pid

    @property
    def cpu_seconds(self) -> float:
        """Of the app's process alone; on a busy machine they say more than the clock."""
        times = psutil.Process(self._process.pid).cpu_times()
        return times.user + times.system

    def type(self, text: str) -> float:
        """Types, and returns when that was."""
        now = time.perf_counter()
        os.write(self._ours, text.encode())
        return now

    def wait(self, words: str) -> float:
        """When these words were drawn, from now on."""
        self.drawn = b""
        deadline = time.perf_counter() + PATIENCE
        while words.encode() not in self.drawn:
            if time.perf_counter() > deadline:
                raise SystemExit(f"never drawn: {words!r}; at last {self.drawn[-2000:]!r}")
            self._read(1.0)
        return time.perf_counter()

    def idle(self, seconds: float) -> None:
        """Reads what is drawn for a while."""
        end = time.perf_counter() + seconds
        while (left := end - time.perf_counter()) > 0:
            self._read(left)

    def _read(self, seconds: float) -> None:
        readable, _, _ = select.select([self._ours], [], [], seconds)
        if readable:
            piece = os.read(self._ours, 1 << 16)
            self.written += len(piece)
            self.drawn = (self.drawn + piece)[-200_000:]


def gaps(terminal: Terminal, letters: Iterator[str], count: int, until: str = "") -> list[float]:
    """Seconds from each key to its letter; ends early when ``until`` has been drawn."""
    found: list[float] = []
    pace = random.Random(1)
    for _ in range(count):
        letter = next(letters)
        typed = terminal.type(letter)
        found.append(terminal.wait(letter) - typed)
        terminal.idle(pace.uniform(0.5, 1.5) * PAUSE)
        if until and until.encode() in terminal.drawn:
            break
    return found


def shuffled() -> Iterator[str]:
    """Letters that do not come again before the prompt was emptied."""
    while True:
        yield from LETTERS


def first_paint(arguments: list[str], environment: dict[str, str]) -> tuple[float, float]:
    """Seconds from the start of the process to the prompt, and CPU seconds of the process."""
    with Terminal(arguments, environment) as terminal:
        seconds = terminal.wait(FIRST) - terminal.began
        return seconds, terminal.cpu_seconds


def show(what: str, seconds: list[float]) -> None:
    """One line of figures."""
    ordered = sorted(seconds)
    median, most = statistics.median(ordered) * 1000, ordered[-1] * 1000
    high = ordered[int(0.95 * (len(ordered) - 1))] * 1000
    print(
        f"{what:<22}{len(ordered):5} {median:9.0f} {high:9.0f} {most:9.0f}"
        "   ms: median, 95 %, worst"
    )


def main() -> int:
    """Run it and print the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, help="a GGUF (default: SmolLM2-135M)")
    parser.add_argument("--keys", type=int, default=len(LETTERS), help="typed while it answers")
    parser.add_argument("--starts", type=int, default=5)
    given = parser.parse_args()
    try:
        model = given.model or smollm2()
    except LocalqwqError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as folder:
        kinds = ("DATA", "CONFIG", "CACHE")
        environment = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
        environment |= {f"LOCALQWQ_{kind}_DIR": str(Path(folder) / kind) for kind in kinds}
        (Path(folder) / "CONFIG").mkdir()
        (Path(folder) / "CONFIG" / "settings.toml").write_text(SETTINGS)
        arguments = [str(model), "--ctx", "4096"]
        starts = [first_paint(arguments, environment) for _ in range(given.starts)]
        for name, figures in zip(
            ("first paint", "first paint, CPU"), zip(*starts, strict=True), strict=True
        ):
            show(name, list(figures))
        letters = shuffled()
        with Terminal(arguments, environment) as terminal:
            terminal.wait(FIRST)
            show("keys while loading", gaps(terminal, letters, len(LETTERS), "4,096"))
            terminal.idle(1.0)
            terminal.type("\x15")  # Ctrl+U empties the line
            terminal.idle(0.5)
            terminal.type(PROMPT)
            terminal.idle(0.5)
            terminal.type("\r")
            terminal.wait("Answering")
            show("keys while answering", gaps(terminal, letters, given.keys))
            terminal.type("\x1b")  # it still answers
            terminal.wait("Stopped")
    return 0


if __name__ == "__main__":
    sys.exit(main())
