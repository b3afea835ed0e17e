"""What a long code block costs while it streams: bytes for the terminal, and the wait for a key.

    python -m bench.tui_code [--rate 100] [--seconds 20] [--keys 50]

The real app shows an answer that is one block of Python, from an endpoint on loopback that
streams it at a steady rate. At two sizes of the terminal: kilobytes that the app writes per
second, and processor time. Then letters are typed, each of them once, at a person's pace, and
what the app draws is watched for them. The goals are less than 8 kB/s at 80 by 24 and less than
20 at 140 by 45; a key is seen after 30 ms in the median, and after 120 at worst.
"""

import argparse
import os
import statistics
import sys
import tempfile
from pathlib import Path

from bench.streaming.endpoint import streaming
from bench.streaming.texts import tokens
from bench.tui_latency import FIRST, LETTERS, Terminal, gaps, shuffled

SIZES = ((80, 24), (140, 45))
BEFORE = 8.0
"""Seconds until the block is higher than the screen."""


def measure(size: tuple[int, int], url: str, seconds: float, keys: int) -> None:
    """Print the figures for one size."""
    with tempfile.TemporaryDirectory() as folder:
        kinds = ("DATA", "CONFIG", "CACHE")
        environment = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
        environment |= {f"LOCALQWQ_{kind}_DIR": str(Path(folder) / kind) for kind in kinds}
        with Terminal(["--endpoint", url], environment, size) as app:
            app.wait(FIRST)
            app.idle(1.0)
            app.type("Write code.")
            app.idle(0.3)
            app.type("\r")
            app.wait("Answering")
            app.idle(BEFORE)
            written, cpu = app.written, app.cpu_seconds
            app.idle(seconds)
            written, cpu = app.written - written, app.cpu_seconds - cpu
            waits = [wait * 1_000 for wait in gaps(app, shuffled(), keys)]
            app.type("\x1b")
            app.wait("Stopped")
    columns, rows = size
    print(
        f"{columns} x {rows}: {written / seconds / 1_000:.1f} kB/s, "
        f"{cpu / seconds:.1%} of a processor; a key shows after "
        f"{statistics.median(waits):.0f} ms (median), {max(waits):.0f} ms (worst of {len(waits)})",
        flush=True,
    )


def main() -> int:
    """Run it and print the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rate", type=float, default=100.0, help="tokens per second")
    parser.add_argument("--seconds", type=float, default=20.0, help="of counting bytes")
    parser.add_argument("--keys", type=int, default=len(LETTERS), help="typed at each size")
    given = parser.parse_args()
    length = given.rate * (BEFORE + given.seconds + given.keys + 30)
    with streaming(tokens("fence", int(length)), given.rate) as url:
        for size in SIZES:
            measure(size, url, given.seconds, given.keys)
    return 0


if __name__ == "__main__":
    sys.exit(main())
