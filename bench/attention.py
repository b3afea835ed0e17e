"""Flash attention on a processor, or on a device, against plain attention.

    python -m bench.attention [--model PATH] [--depths 512,2048,4096] [--repeat 3] [--threads 2]
                              [--device NAME]

For each number of tokens that are in the context already: milliseconds for one token of an answer,
and tokens per second of a prompt that is read up to there, without flash attention and in its
batches of 128, against flash attention in batches of 512 (the baseline, llama.cpp's default). Both
run in each round. Without ``--model`` it takes SmolLM2-135M. ``--device`` is one of those that
``localqwq doctor`` shows; it gets all layers.
"""

import argparse
import statistics
import sys
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter

from bench.smollm2 import smollm2
from localqwq.engine.llama.context import Context, Part
from localqwq.engine.llama.model import Model
from localqwq.engine.rope import RopeScaling
from localqwq.errors import LocalqwqError

ANSWER = 12
"""Tokens that are timed one by one at each depth."""


def measure(
    model: Model, depths: list[int], threads: int, *, flash: bool
) -> Iterator[tuple[float, float]]:
    """At each depth: seconds for one token, and tokens per second of the prompt before."""
    size = depths[-1] + ANSWER * len(depths)
    rope = RopeScaling("model")
    context = Context(model, size=size, rope=rope, threads=threads, flash=flash)
    at = 0
    for depth in depths:
        began, first = perf_counter(), at
        while at < depth:
            count = min(context.batch, depth - at)
            context.decode([Part(0, at, [5] * count, 1)])
            at += count
        prefill = (at - first) / (perf_counter() - began)
        times = []
        for _ in range(ANSWER):
            began = perf_counter()
            context.decode([Part(0, at, [7], 1)])
            times.append(perf_counter() - began)
            at += 1
        yield statistics.median(times), prefill
    context.close()


def main() -> int:
    """Measure, and print a line for each depth."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--model", type=Path, help="a .gguf")
    parser.add_argument("--depths", default="512,2048,4096", help="tokens, in rising order")
    parser.add_argument("--repeat", type=int, default=3, help="rounds")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", help="a device that computes all layers, such as CUDA0")
    arguments = parser.parse_args()
    depths = [int(depth) for depth in arguments.depths.split(",")]
    try:
        device = arguments.device
        model = Model(
            arguments.model or smollm2(),
            gpu_layers=999 if device else 0,
            devices=[device] if device else [],
        )
    except LocalqwqError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    rounds = [
        [list(measure(model, depths, arguments.threads, flash=flash)) for flash in (False, True)]
        for _ in range(arguments.repeat)
    ]
    print("tokens before   one token: plain  flash   ratio    prompt: plain  flash   ratio")
    for index, depth in enumerate(depths):
        (token, prefill), (flash_token, flash_prefill) = (
            [statistics.median(one[kind][index][value] for one in rounds) for value in (0, 1)]
            for kind in (0, 1)
        )
        print(
            f"{depth:13} {token * 1000:14.1f} ms {flash_token * 1000:4.1f} ms"
            f" {token / flash_token:7.2f} {prefill:10.0f} tokens/s {flash_prefill:7.0f}"
            f" {prefill / flash_prefill:7.2f}"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
