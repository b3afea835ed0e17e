"""Perplexity and divergence, beside llama-perplexity: the figures, tokens per second, and memory.

    python -m bench.quality --peer DIR [--reference PATH --model PATH] [--repeat 2] [--record]

``DIR`` has llama-perplexity, built from the same llama.cpp. Both take turns: each computes a
reference's predictions of a text and then compares a model with them, loading included. Without
paths the reference is SmolLM2-135M, and the model is the same in Q4_0. A ratio is the median over
the rounds of ours to theirs in the same round.
"""

import argparse
import json
import os
import re
import statistics
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.peer.programs import Run, ours, theirs
from bench.recording import Figure, record
from bench.smollm2 import smollm2
from localqwq.errors import LocalqwqError
from localqwq_convert.pipeline import convert
from tests.quality_text import sums_text

LINES = 240
_CHUNK, _SCORED = 512, 255
_PPL = re.compile(r"Mean PPL\(Q\)\s*:\s*([\d.]+)")
_KLD = re.compile(r"Mean\s+KLD:\s*(-?[\d.]+)")
_TOP = re.compile(r"Same top p:\s*([\d.]+)")


@dataclass(frozen=True, slots=True)
class Found:
    """What one of the two programs says."""

    perplexity: float
    divergence: float
    same_top: float
    """Percent."""


def our_run(reference: Path, model: Path, text: Path, cache: Path) -> tuple[Run, Found, int]:
    """Measure with ``localqwq quality``; with the number of tokens that were computed."""
    os.environ["LOCALQWQ_CACHE_DIR"] = str(cache)
    words = ("quality", str(model), "--against", str(reference), "--text", str(text), "--json")
    run = ours(*words)
    document = json.loads(run.output[run.output.index("{\n") :])
    found = Found(document["perplexity"], document["kld"]["mean"], 100 * document["top1"])
    return run, found, 2 * document["tokens"] // _SCORED * _CHUNK


def their_run(
    folder: Path, reference: Path, model: Path, text: Path, base: Path
) -> tuple[Run, Found]:
    """Measure with llama-perplexity, which is run once for the reference and once for the model."""
    common = ("--kl-divergence-base", str(base), "-t", "2")
    first = theirs(folder, "llama-perplexity", "-m", str(reference), "-f", str(text), *common)
    second = theirs(folder, "llama-perplexity", "-m", str(model), "--kl-divergence", *common)
    values = [float(_one(pattern, second.output)) for pattern in (_PPL, _KLD, _TOP)]
    both = Run(
        first.seconds + second.seconds,
        first.processor_seconds + second.processor_seconds,
        max(first.peak_bytes, second.peak_bytes),
        second.output,
    )
    return both, Found(*values)


def _one(pattern: re.Pattern[str], output: str) -> str:
    match = pattern.search(output)
    if match is None:
        raise LocalqwqError(f"llama-perplexity does not say {pattern.pattern}.")
    return match[1]


def main() -> None:
    """Measure, and print what was found."""
    parser = argparse.ArgumentParser(description="localqwq quality beside llama-perplexity.")
    parser.add_argument("--peer", type=Path, required=True, metavar="DIR")
    parser.add_argument("--reference", type=Path, metavar="PATH")
    parser.add_argument("--model", type=Path, metavar="PATH")
    parser.add_argument("--repeat", type=int, default=2, metavar="N")
    parser.add_argument("--record", action="store_true")
    arguments = parser.parse_args()
    reference = arguments.reference or smollm2()
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        model = arguments.model
        if model is None:
            convert(reference, folder / "pack", ("Q4_0",), name="other", requantize=True)
            model = folder / "pack" / "other-Q4_0.gguf"
        text = folder / "text.txt"
        text.write_text(sums_text(LINES))
        rounds: list[tuple[Run, Run]] = []
        for number in range(arguments.repeat):
            peer, their = their_run(
                arguments.peer, reference, model, text, folder / f"base-{number}"
            )
            run, our, tokens = our_run(reference, model, text, folder / f"cache-{number}")
            rounds.append((run, peer))
            print(
                f"round {number + 1}: {tokens / run.seconds:,.0f} and {tokens / peer.seconds:,.0f} "
                f"tokens/s, {run.processor_seconds:.1f} and {peer.processor_seconds:.1f} s of "
                f"processors\n  ours: {our}\n  theirs: {their}",
                flush=True,
            )
    if arguments.record:
        _record(reference, rounds, tokens, our, their)


def _record(
    reference: Path, rounds: list[tuple[Run, Run]], tokens: int, our: Found, their: Found
) -> None:
    def median(kind: str, which: int) -> float:
        return float(statistics.median(getattr(pair[which], kind) for pair in rounds))

    peer = "llama-perplexity"
    figures = [
        Figure(
            "tokens/s, loading included",
            f"{tokens / median('seconds', 0):,.0f}",
            peer,
            f"{tokens / median('seconds', 1):,.0f}",
            statistics.median(other.seconds / run.seconds for run, other in rounds),
        ),
        Figure(
            "tokens per second of processor time",
            f"{tokens / median('processor_seconds', 0):,.0f}",
            peer,
            f"{tokens / median('processor_seconds', 1):,.0f}",
            statistics.median(p.processor_seconds / run.processor_seconds for run, p in rounds),
        ),
        Figure(
            "resident memory",
            f"{median('peak_bytes', 0) / 1e6:,.0f} MB",
            peer,
            f"{median('peak_bytes', 1) / 1e6:,.0f} MB",
            median("peak_bytes", 0) / median("peak_bytes", 1),
        ),
        *(
            Figure(what, f"{one:.6g}", peer, f"{other:.6g}", one / other)
            for what, one, other in (
                ("perplexity", our.perplexity, their.perplexity),
                ("mean KL divergence, nats", our.divergence, their.divergence),
                ("same top word, percent", our.same_top, their.same_top),
            )
        ),
    ]
    record(
        "quality",
        "Perplexity and divergence",
        figures,
        command="python -m bench.quality --peer DIR --record",
        note=f"{tokens:,} tokens, half of them for the reference; rounds in which both take turns: "
        f"{len(rounds)}. What Q4_0 loses here is no measure of Q4_0: the reference is quantized "
        "itself.",
        model=reference.stem,
    )


if __name__ == "__main__":
    try:
        main()
    except LocalqwqError as error:
        sys.exit(f"error: {error}")
