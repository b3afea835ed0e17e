"""An importance matrix, beside llama-imatrix: its values, tokens per second, and memory.

    python -m bench.imatrix --peer DIR [--model PATH] [--text FILE] [--repeat 3] [--record]

``DIR`` has llama-imatrix, built from the same llama.cpp. Both take turns with the same text and
model; loading counts. A ratio is the median over the rounds of ours to theirs in the same round.
With ``--expectations FILE`` what llama-imatrix found is written there, for ``tests/quality``.
"""

import argparse
import json
import statistics
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from gguf import GGUFReader

from bench.peer.programs import Run, ours, theirs
from bench.recording import Figure, record
from bench.smollm2 import smollm2
from localqwq.errors import LocalqwqError
from tests.quality_text import sums_text

LINES = 400
Values = dict[str, tuple[np.ndarray, float]]
"""Sums and count by matrix."""


def values(path: Path) -> Values:
    """Return what an importance matrix holds."""
    arrays = {one.name: one.data.astype(np.float64) for one in GGUFReader(path).tensors}
    names = [name.removesuffix(".in_sum2") for name in arrays if name.endswith(".in_sum2")]
    return {name: (arrays[f"{name}.in_sum2"], arrays[f"{name}.counts"][0]) for name in names}


def worst(our: Values, their: Values) -> float:
    """Return the largest relative difference of a sum.

    Raises:
        LocalqwqError: the matrices or their counts differ.
    """
    if list(our) != list(their):
        raise LocalqwqError(f"The matrices differ: {set(our) ^ set(their)}")
    if any(our[name][1] != their[name][1] for name in our):
        raise LocalqwqError("The counts differ.")
    return max(
        float((np.abs(our[name][0] - sums) / np.maximum(sums, 1e-30)).max())
        for name, (sums, _) in their.items()
    )


def main() -> None:
    """Measure, and print what was found."""
    parser = argparse.ArgumentParser(description="localqwq imatrix beside llama-imatrix.")
    parser.add_argument("--peer", type=Path, required=True, metavar="DIR")
    parser.add_argument("--model", type=Path, metavar="PATH")
    parser.add_argument("--text", type=Path, metavar="FILE")
    parser.add_argument("--repeat", type=int, default=3, metavar="N")
    parser.add_argument("--expectations", type=Path, metavar="FILE")
    parser.add_argument("--record", action="store_true")
    arguments = parser.parse_args()
    model = arguments.model or smollm2()
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        text = arguments.text or folder / "text.txt"
        if arguments.text is None:
            text.write_text(sums_text() if arguments.expectations else sums_text(LINES))
        rounds: list[tuple[Run, Run]] = []
        tokens = 0
        for number in range(arguments.repeat):
            our_file, their_file = folder / "ours.gguf", folder / "theirs.gguf"
            common = ("-f", str(text), "-o", str(their_file), "-t", "2")
            peer = theirs(arguments.peer, "llama-imatrix", "-m", str(model), *common)
            run = ours("imatrix", str(model), "-o", str(our_file), "--text", str(text))
            rounds.append((run, peer))
            tokens = int(values(our_file)[next(iter(values(our_file)))][1])
            print(
                f"round {number + 1}: {tokens / run.seconds:,.0f} and {tokens / peer.seconds:,.0f} "
                f"tokens/s, {run.processor_seconds:.1f} and {peer.processor_seconds:.1f} s of "
                "processors"
            )
        difference = worst(values(our_file), values(their_file))
        if arguments.expectations:
            _expect(arguments.expectations, values(their_file))
    print(f"largest relative difference of a sum: {difference:.2g}")
    if arguments.record:
        _record(model, rounds, tokens, difference)


def _expect(path: Path, found: Values) -> None:
    means = {name: [sums[0] / count, sums.sum() / count] for name, (sums, count) in found.items()}
    (count,) = {count for _, count in found.values()}
    path.write_text(json.dumps({"count": count, "means": means}, indent=1) + "\n")


def _record(model: Path, rounds: list[tuple[Run, Run]], tokens: int, difference: float) -> None:
    def median(kind: str, which: int) -> float:
        return float(statistics.median(getattr(pair[which], kind) for pair in rounds))

    figures = [
        Figure(
            "tokens/s, loading included",
            f"{tokens / median('seconds', 0):,.0f}",
            "llama-imatrix",
            f"{tokens / median('seconds', 1):,.0f}",
            statistics.median(peer.seconds / run.seconds for run, peer in rounds),
        ),
        Figure(
            "tokens per second of processor time",
            f"{tokens / median('processor_seconds', 0):,.0f}",
            "llama-imatrix",
            f"{tokens / median('processor_seconds', 1):,.0f}",
            statistics.median(p.processor_seconds / run.processor_seconds for run, p in rounds),
        ),
        Figure(
            "resident memory",
            f"{median('peak_bytes', 0) / 1e6:,.0f} MB",
            "llama-imatrix",
            f"{median('peak_bytes', 1) / 1e6:,.0f} MB",
            median("peak_bytes", 0) / median("peak_bytes", 1),
        ),
        Figure("largest relative difference of a sum", f"{difference:.1e}"),
    ]
    record(
        "imatrix",
        "Importance matrices",
        figures,
        command="python -m bench.imatrix --peer DIR --record",
        note=f"{tokens:,} tokens; rounds in which both take turns: {len(rounds)}.",
        model=model.stem,
    )


if __name__ == "__main__":
    try:
        main()
    except LocalqwqError as error:
        sys.exit(f"error: {error}")
