"""Thousands of random requests to a server that must not notice.

    python -m bench.soak [--requests 3000] [--seed 0] [--model PATH]

A client that behaves, misbehaves and goes away, with a small context that is full most of the time.
It prints what came of each kind of request; what the server took before and after; and every check
that failed, with the number of its scenario, which is the same in every run with that seed. The
checks: the process lives, every error is one in OpenAI's form with a status below 500, streams and
token counts are complete, every greedy sum gets its own answer and every scored prompt its own log
probabilities, nothing runs or waits afterwards, no thread, descriptor, process or memory is left,
and the server still answers and ends in time. Without ``--model`` it makes the demo model's GGUF.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from bench.soaking.play import Ledger
from bench.soaking.run import GROWTH, Outcome, soak
from localqwq.locations import demo_checkpoint
from localqwq_convert.pipeline import convert

_CANDIDATES = 40
_ENDS = ("200", "4xx", "429", "left", "cut")


def main() -> int:
    """Soak, and tell what came of it; 1 when something was wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--requests", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--model", type=Path, help="a .gguf of the demo model")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        model = arguments.model
        if model is None:
            convert(demo_checkpoint(), Path(folder) / "demo", ["Q8_0"], name="demo")
            model = Path(folder) / "demo" / "demo-Q8_0.gguf"
        outcome = soak(
            model,
            requests=arguments.requests,
            seed=arguments.seed,
            candidates=_CANDIDATES,
            on_progress=progress,
        )
    print_kinds(outcome.ledger)
    print_figures(outcome)
    for failure in outcome.ledger.failures:
        print(f"FAILED {failure}")
    return 1 if outcome.ledger.failures else 0


def progress(made: int) -> None:
    """One line that moves, on a terminal only."""
    if sys.stderr.isatty():
        print(f"\r{made} requests ", end="", file=sys.stderr, flush=True)


def print_kinds(ledger: Ledger) -> None:
    """A line for each kind of request: how many there were, and how they ended."""
    print(f"\n{'kind':20} {'made':>6}" + "".join(f"{end:>7}" for end in _ENDS))
    for kind, made in sorted(ledger.requests.items()):
        ends = dict.fromkeys(_ENDS, 0)
        for (of, end), number in ledger.ends.items():
            if of == kind:
                ends[end if end in _ENDS else f"{end[0]}xx"] += number
        print(f"{kind:20} {made:6}" + "".join(f"{ends[end]:7}" for end in _ENDS))


def print_figures(outcome: Outcome) -> None:
    """Everything else that was measured."""
    ledger, warm, end, found = outcome.ledger, outcome.warm, outcome.end, outcome.references
    notes = ledger.notes
    print(
        f"{ledger.made} requests in {outcome.seconds:.0f} s; "
        f"{notes['refused as too many']} of rushes were told to come again\n"
        f"sums: {len(found.sums)} references ({found.unstable} left out as unstable), "
        f"{notes['sums answered']} answered, {notes['sums word for word']} of them word for word\n"
        f"scored prompts: in the mean at most {ledger.deviation:.3f} from the same alone\n"
        f"memory: {warm.resident >> 20} MiB after the warm-up, {end.resident >> 20} at the end; "
        f"beside some {outcome.states >> 20} MiB of states it grew by {outcome.growth >> 20} MiB "
        f"(bound: {GROWTH >> 20})\n"
        f"threads {warm.threads} → {end.threads}, descriptors {warm.descriptors} → "
        f"{end.descriptors}, child processes {warm.children} → {end.children}"
    )


if __name__ == "__main__":
    sys.exit(main())
