"""Thousands of random requests to a server that must not notice.

    python -m bench.soak [--requests 3000] [--seed 0] [--model PATH] [--apis]
    python -m bench.soak --models [--requests 200] [--seed 0] [--kills 0.05]

A client that behaves, misbehaves and goes away, with a small context that is full most of the time.
It prints what came of each kind of request; what the server took before and after; and every check
that failed, with the number of its scenario, which is the same in every run with that seed. The
checks: the process lives, every error is one in its API's form with a status below 500, streams and
token counts are complete, every greedy sum gets its own answer and every scored prompt its own log
probabilities, nothing runs or waits afterwards, no thread, descriptor, process or memory is left,
and the server still answers and ends in time. Without ``--model`` it makes the demo model's GGUF.

``--models`` soaks a server of three models that sleep after a second, through all APIs; with
``--kills``, engines are killed with that probability after a request. No request may fail, but for
those whose engine was killed, and the server without its engines must not grow.
"""

import argparse
import sys
import tempfile
from pathlib import Path
from time import monotonic

from bench.soaking.play import Ledger
from bench.soaking.run import GROWTH, Outcome, soak
from bench.soaking.several import soak_models
from localqwq.locations import demo_checkpoint
from localqwq_convert.pipeline import convert

_CANDIDATES = 40
_ENDS = ("200", "4xx", "429", "5xx", "left", "cut")


def main() -> int:
    """Soak, and tell what came of it; 1 when something was wrong."""
    arguments = _parser().parse_args()
    with tempfile.TemporaryDirectory() as folder:
        ledger = (_several if arguments.models else _one)(arguments, Path(folder))
    for failure in ledger.failures:
        print(f"FAILED {failure}")
    return 1 if ledger.failures else 0


def _one(arguments: argparse.Namespace, folder: Path) -> Ledger:
    model = arguments.model
    if model is None:
        convert(demo_checkpoint(), folder / "demo", ["Q8_0"], name="demo")
        model = folder / "demo" / "demo-Q8_0.gguf"
    outcome = soak(
        model,
        requests=arguments.requests or 3000,
        seed=arguments.seed,
        candidates=_CANDIDATES,
        on_progress=progress,
        apis=arguments.apis,
    )
    print_kinds(outcome.ledger)
    print_figures(outcome)
    return outcome.ledger


def _several(arguments: argparse.Namespace, folder: Path) -> Ledger:
    began = monotonic()
    outcome = soak_models(
        folder,
        requests=arguments.requests or 200,
        seed=arguments.seed,
        kills=arguments.kills,
        on_progress=progress,
    )
    print_kinds(outcome.ledger)
    print(
        f"{outcome.ledger.made} requests in {monotonic() - began:.0f} s; engines: {outcome.loads} "
        f"started, {outcome.kills} killed"
    )
    for when, size in zip(("after the warm-up", "at the end"), outcome.sizes, strict=False):
        print(
            f"{when}: {size.resident >> 20} MiB without engines, {size.descriptors} descriptors, "
            f"{size.threads} threads"
        )
    return outcome.ledger


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--requests", type=int)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--model", type=Path, help="a .gguf of the demo model")
    parser.add_argument("--apis", action="store_true", help="all APIs, not only OpenAI's older two")
    parser.add_argument("--models", action="store_true", help="three models that sleep")
    parser.add_argument("--kills", type=float, default=0.0, help="probability of killing an engine")
    return parser


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
