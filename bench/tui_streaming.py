"""What it costs to show tokens as they come, and what the app leaves of the engine's speed.

    python -m bench.tui_streaming [--tokens 16000] [--rate 200] [--case NAME] [--no-baseline]
    python -m bench.tui_streaming --end-to-end [--model PATH] [--tokens 300] [--repeat 3]
                                    [--threads N]

The first form streams texts of one kind each onto a terminal of 100 by 40: CPU seconds of the app's
process per 1,000 tokens, for the first thousand and the last. The goal is at most 0.6 in each case,
and no more at the end than at the beginning. The baseline is Textual's own `MarkdownStream` in a
container that follows its end; it is given up after 60 CPU seconds. CPU time says little on a busy
machine, so that of a loop of ten million additions is printed beside it.

The second form asks a real model in the real app, whose engine is a child process, and compares
tokens per second as they are seen on the screen with those that the same child gives a client that
draws nothing and hears of them once a second. The two take turns of two seconds while the other
stands still (``SIGSTOP``), and each has a clock for its own turns, so that a busy machine meets
both alike. The goal is at least 0.95. Without ``--model`` it takes SmolLM2-135M. Not for Windows.
"""

import argparse
import json
import operator
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from bench.smollm2 import smollm2
from bench.streaming.terminal import COLUMNS, ROWS, OnTerminal, run_on_terminal
from bench.streaming.texts import CASES
from bench.streaming.turns import Windows, own_time, take_turns
from localqwq.errors import LocalqwqError

WINDOW = 1_000
LIMIT = 60.0
"""CPU seconds that the baseline gets."""


def stream(case: str, tokens: int, rate: float, baseline: bool) -> list[float]:
    """CPU seconds of each 1,000 tokens."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "seconds"
        arguments = [str(output), case, str(tokens), str(rate), str(LIMIT if baseline else 1e9)]
        run_on_terminal("bench.streaming.worker", [*arguments, *["baseline"] * baseline])
        seen = json.loads(output.read_text())
    return [after - before for before, after in pairwise(seen)]


def additions() -> float:
    """CPU seconds of ten million additions."""
    began, total = time.process_time(), 0
    for number in range(10_000_000):
        total += number
    return time.process_time() - began


def streaming(cases: Sequence[str], tokens: int, rate: float, baseline: bool) -> None:
    """Prints the table of the first form."""
    print(f"{COLUMNS} x {ROWS}, {rate:g} tokens/s, CPU seconds per 1,000 tokens")
    print(f"{'':<12}{'first':>8}{'last':>8}{'mean':>8}   Textual's first ... last")
    for case in cases:
        ours = stream(case, tokens, rate, baseline=False)
        figures = f"{ours[0]:8.2f}{ours[-1]:8.2f}{statistics.mean(ours):8.2f}"
        print(f"{case:<12}{figures}", end="", flush=True)
        if baseline:
            theirs = stream(case, tokens, rate, baseline=True)
            ends = f"{theirs[0]:.2f} ... {theirs[-1]:.2f}" if theirs else "not one thousand"
            note = "" if len(theirs) == len(ours) else f", given up after {len(theirs)},000"
            print(f"   {ends}{note}", end="")
        print(f"   (additions: {additions():.2f} s)", flush=True)


def end_to_end(model: Path, tokens: int, repeat: int, threads: int) -> None:
    """Prints the rates of the second form."""
    seen: list[float] = []
    alone: list[float] = []
    for number in range(repeat):
        ways = {"alone": alone, "app": seen}
        names = [*ways][:: 1 if number % 2 else -1]
        for name, found in zip(names, ask(names, model, tokens, threads), strict=True):
            ways[name].append(found)
        print(f"app {seen[-1]:.1f}, alone {alone[-1]:.1f} tokens/s", flush=True)
    engine, screen = statistics.median(alone), statistics.median(seen)
    ratio = statistics.median(map(operator.truediv, seen, alone))
    print(f"seen {screen:.1f}, alone {engine:.1f} tokens/s; in the median round {ratio:.3f}")


def ask(ways: Sequence[str], model: Path, tokens: int, threads: int) -> list[float]:
    """The tokens per second of an answer in each of these ways, which take turns."""
    with tempfile.TemporaryDirectory() as folder:
        outputs = [Path(folder) / way for way in ways]
        arguments = [str(model), str(tokens), str(threads)]
        programs = [
            OnTerminal("bench.streaming.asking", [way, str(output), *arguments])
            for way, output in zip(ways, outputs, strict=True)
        ]
        windows = take_turns(programs)
        for program in programs:
            program.wait()
        traces = [json.loads(output.read_text()) for output in outputs]
    return [rate(trace, own) for trace, own in zip(traces, windows, strict=True)]


def rate(trace: list[tuple[float, int]], turns: Windows) -> float:
    """Tokens per second between the first and the last entry, by the clock of its own turns."""
    (first, before), (last, after) = trace[0], trace[-1]
    return (after - before) / (own_time(turns, last) - own_time(turns, first))


def main() -> int:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tokens", type=int, help="how many (default: 16,000; end to end: 300)")
    parser.add_argument("--rate", type=float, default=200.0, help="tokens per second")
    parser.add_argument("--case", choices=CASES, action="append", help="only these")
    parser.add_argument("--no-baseline", action="store_true", help="without Textual's own")
    parser.add_argument("--end-to-end", action="store_true", help="with a model")
    parser.add_argument("--model", type=Path, help="a GGUF (default: SmolLM2-135M)")
    parser.add_argument("--repeat", type=int, default=3, help="rounds end to end")
    parser.add_argument("--threads", type=int, default=0, help="of the engine (default: its own)")
    given = parser.parse_args()
    try:
        if given.end_to_end:
            model = given.model or smollm2()
            end_to_end(model, given.tokens or 300, given.repeat, given.threads)
        else:
            tokens = max((given.tokens or 16_000) // WINDOW, 1) * WINDOW
            streaming(given.case or CASES, tokens, given.rate, not given.no_baseline)
    except LocalqwqError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
