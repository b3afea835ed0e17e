"""What the app costs while nobody does anything: processor time of it and of its engine.

    python -m bench.tui_idle [--model PATH] [--seconds 30] [--repeat 3] [--in SCREEN]

The real app runs on a terminal of 100 by 40 with the demo model, unless ``--model`` names a GGUF.
A prompt is answered, so that a conversation is open; after a while of rest the processor time of
each process is read twice. The goal is at most 15 ms in 30 s, for the app and for its engine each.
``--in`` opens another screen before: conversations, models, settings or help.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import psutil

from bench.tui_latency import FIRST, Terminal

SETTLE_SECONDS = 8.0
"""Between the answer and the first look: what comes behind an answer is work, not rest."""
PROMPT = "12+30"
KEYS = {"conversations": "\x0f", "models": "\x1bOR", "settings": "\x1bOQ", "help": "\x1bOP"}
"""What opens the screens."""


def processor_seconds(pid: int) -> float:
    """What a process has used in all of its threads, to the nanosecond where the system tells."""
    if sys.platform == "linux":
        return time.clock_gettime(~pid << 3 | 2)  # as clock_getcpuclockid(3) makes it
    times = psutil.Process(pid).cpu_times()
    return times.user + times.system


def family(pid: int) -> dict[int, str]:
    """The process and those below it, by what they are."""
    found = {pid: "app"}
    for child in psutil.Process(pid).children(recursive=True):
        words = child.cmdline()
        name = words[words.index("-m") + 1] if "-m" in words else child.name()
        found[child.pid] = name
    return found


def rest(names: Mapping[int, str], seconds: float, terminal: Terminal) -> dict[str, float]:
    """Milliseconds of the processor by process, while the terminal is only read."""
    before = {pid: processor_seconds(pid) for pid in names}
    terminal.idle(seconds)
    return {
        f"{name} ({pid})": (processor_seconds(pid) - before[pid]) * 1000
        for pid, name in names.items()
        if psutil.pid_exists(pid)
    }


def main() -> int:
    """Run it and print the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", help="a GGUF (default: the demo)", default="demo")
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--in", dest="screen", choices=KEYS, help="another screen than the chat")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        kinds = ("DATA", "CONFIG", "CACHE")
        environment = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
        environment |= {f"LOCALQWQ_{kind}_DIR": str(Path(folder) / kind) for kind in kinds}
        with Terminal([given.model], environment) as terminal:
            terminal.wait(FIRST)
            terminal.type(PROMPT)
            terminal.idle(0.5)
            terminal.type("\r")
            terminal.wait("tokens/s")
            terminal.type(KEYS.get(given.screen, ""))
            terminal.idle(SETTLE_SECONDS)
            print(f"ms of the processor in {given.seconds:g} s of rest")
            for _ in range(given.repeat):
                used = rest(family(terminal.pid), given.seconds, terminal)
                print("   ".join(f"{name} {spent:.1f}" for name, spent in used.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
