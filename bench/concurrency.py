"""Several answers at once, and what they notice of a long prompt that joins them.

    python -m bench.concurrency [--model PATH] [--prompt 4000] [--repeat 3] [--threads 2]

For 1, 2, 4 and 8 streams: tokens per second of all together against one alone, and the worst gap
between two tokens of a stream, first undisturbed, then while a long prompt is read. The baseline of
the last one is the same prompt read in full batches, as a server does that does not cut prompts
for those who are waiting. A stream that ends meanwhile begins again, as with people who go on
asking, and all of them fit into the context beside the prompt. Without ``--model`` it takes
SmolLM2-135M.
"""

import argparse
import statistics
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from time import perf_counter

from bench.smollm2 import smollm2
from localqwq.engine.engine import Engine, GenerationRequest
from localqwq.engine.generation import Generation
from localqwq.engine.load_options import LoadOptions
from localqwq.engine.prompt_pace import Pace
from localqwq.errors import LocalqwqError
from localqwq.gguf.sampling import Sampling

STREAMS = (1, 2, 4, 8)
CONTEXT = 8192
TOKENS = 64
"""Of each stream, undisturbed."""
BESIDE = 96
"""Tokens of a stream's prompt, and of its share in the long one's template, at most."""


@dataclass(slots=True)
class Stream:
    """One answer, and when its tokens came."""

    generation: Generation
    times: list[float]
    stop: threading.Event
    tokens: int = 0

    def look(self) -> None:
        """Note when the tokens of the last step came, also those that show no text yet."""
        self.generation.take()
        if self.generation.generated > self.tokens:
            self.tokens = self.generation.generated
            self.times.append(perf_counter())

    @property
    def worst_gap(self) -> float:
        """Seconds."""
        return max((b - a for a, b in pairwise(self.times)), default=0.0)


def begin(
    engine: Engine, text: str, tokens: int, stop: threading.Event | None = None
) -> Generation:
    """Submit a request that goes on for so many tokens, whatever the model wants."""
    request = GenerationRequest(
        [{"role": "user", "content": text}],
        sampling=Sampling(seed=1),
        max_tokens=tokens,
        ignore_eos=True,
        loop_detection=False,
        cache_prompt=False,
    )
    return engine.submit(engine.prepare(request), stop)


def story(engine: Engine, number: int, tokens: int) -> Stream:
    """An answer of so many tokens to a short prompt."""
    stop = threading.Event()
    text = f"Tell me story number {number} about the sea."
    return Stream(begin(engine, text, tokens, stop), [], stop)


def streams(engine: Engine, count: int, tokens: int) -> list[Stream]:
    """So many answers that have all begun."""
    found = [story(engine, index, tokens) for index in range(count)]
    while any(stream.generation.generated == 0 for stream in found):
        engine.step()
    for stream in found:
        stream.look()
    return found


def undisturbed(engine: Engine, count: int) -> tuple[float, float]:
    """Tokens per second of all streams, and the worst gap of any."""
    found = streams(engine, count, TOKENS)
    already = sum(stream.generation.generated for stream in found)
    began = perf_counter()
    run(engine, found)
    rate = (count * TOKENS - already) / (perf_counter() - began)
    return rate, max(stream.worst_gap for stream in found)


def joined(engine: Engine, count: int, prompt: str) -> tuple[float, float]:
    """The worst gap while a long prompt is read, and how long that takes."""
    tokens = (CONTEXT - len(engine.tokenize(prompt, begin=False, special=False))) // count - BESIDE
    found, gaps = streams(engine, count, tokens), [0.0]
    began = perf_counter()
    joiner = begin(engine, prompt, 1)
    while not joiner.done:
        engine.step()
        for index, stream in enumerate(found):
            stream.look()
            if stream.generation.done:
                gaps.append(stream.worst_gap)
                found[index] = story(engine, index, tokens)
    seconds = perf_counter() - began
    for stream in found:
        stream.stop.set()
    run(engine, found)
    return max(*gaps, *(stream.worst_gap for stream in found)), seconds


def run(engine: Engine, found: Sequence[Stream]) -> None:
    """Until all have ended."""
    while not all(stream.generation.done for stream in found):
        engine.step()
        for stream in found:
            stream.look()


def main() -> int:
    """Measure, and print a line for each number of streams."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--model", type=Path, help="a .gguf with a chat template")
    parser.add_argument("--prompt", type=int, default=4000, help="tokens of the prompt that joins")
    parser.add_argument("--repeat", type=int, default=3, help="rounds")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    try:
        model = arguments.model or smollm2()
        with Engine.load(
            model, LoadOptions(context=CONTEXT, threads=arguments.threads, parallel=STREAMS[-1] + 1)
        ) as engine:
            report(engine, " sea" * arguments.prompt, arguments.repeat)
    except LocalqwqError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def report(engine: Engine, prompt: str, repeat: int) -> None:
    """Medians over the rounds."""
    alone = 0.0
    print(
        "streams  tokens/s  of one   worst gap   while a prompt joins   of full batches   prefill"
    )
    for count in STREAMS:
        calm, cut, full = [], [], []
        for _ in range(repeat):
            calm.append(undisturbed(engine, count))
            cut.append(joined(engine, count, prompt))
            usual = engine._scheduler.pace
            engine._scheduler.pace = Pace(1e9)  # the baseline: no piece is ever too long
            full.append(joined(engine, count, prompt))
            engine._scheduler.pace = usual
        rate = statistics.median(rate for rate, _ in calm)
        alone = alone or rate
        gap = statistics.median(gap for _, gap in calm)
        ours = statistics.median(gap for gap, _ in cut)
        theirs = statistics.median(gap for gap, _ in full)
        longer = statistics.median(seconds for _, seconds in cut) / statistics.median(
            seconds for _, seconds in full
        )
        print(
            f"{count:7} {rate:9.1f} {rate / alone:7.2f} {gap * 1000:8.0f} ms {ours * 1000:18.0f} ms"
            f" {ours / theirs:17.2f} {longer:9.2f} of the time",
            flush=True,
        )


if __name__ == "__main__":
    sys.exit(main())
