"""Answers, prompts and several streams at once, beside llama-server with the same libraries.

    python -m bench.peer.speeds --peer DIR [--model PATH] [--repeat 3] [--record]

In each round both servers take turns with each kind of work: one answer; the first token of a long
prompt; 2, 4 and 8 answers at once, of which the tokens per second of all together and the gaps
between the events of each count. While one server works, the other's processes stand still. A
ratio is the median over the rounds of ours to theirs in the same round.
"""

import argparse
import statistics
import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import pairwise

from bench.peer.servers import (
    OURS,
    SENTENCE,
    SENTENCE_TOKENS,
    THEIRS,
    Server,
    add_options,
    both,
)
from bench.recording import Figure, record
from localqwq.errors import LocalqwqError

LONG_PROMPT = 3200
"""Tokens, about."""
ANSWER, EACH = 200, 100
"""Tokens of one answer alone, and of each of several."""
STREAMS = (2, 4, 8)
CONTEXT = 8192

Figures = dict[str, float]


def one(server: Server, number: int) -> Figures:
    """Return the tokens per second of one answer."""
    prompt = f"{number}. Write a very long story about a lighthouse keeper and the sea."
    return {"one answer, tokens/s": server.answer(_messages(prompt), ANSWER).rate}


def long_prompt(server: Server, number: int) -> Figures:
    """Return the seconds to the first token after a prompt that nobody has sent before."""
    prompt = f"Log {number}. {SENTENCE * (LONG_PROMPT // SENTENCE_TOKENS)}"
    return {"first token of a long prompt, s": server.answer(_messages(prompt), 2).first_s}


def streams(server: Server, number: int, count: int) -> Figures:
    """Return the tokens per second of some answers at once, and the gaps between their events."""
    prompts = [
        f"{number}.{one} Tell me about ships, birds, weather and the sea" for one in range(count)
    ]
    with ThreadPoolExecutor(count) as pool:
        answers = list(pool.map(lambda prompt: server.answer(_messages(prompt), EACH), prompts))
    began = min(answer.times[0] for answer in answers)
    ended = max(answer.times[-1] for answer in answers)
    gaps = sorted(b - a for answer in answers for a, b in pairwise(answer.times))
    return {
        f"{count} answers at once, tokens/s": (count * EACH - count) / (ended - began),
        f"gap between events of {count}, 99 %, ms": 1000 * gaps[int(len(gaps) * 0.99)],
        f"gap between events of {count}, worst, ms": 1000 * gaps[-1],
    }


def _messages(prompt: str) -> list[Mapping[str, str]]:
    return [{"role": "user", "content": prompt}]


def works() -> Iterator[Callable[[Server, int], Figures]]:
    """Yield each kind of work."""
    yield one
    yield long_prompt
    for count in STREAMS:
        yield partial(streams, count=count)


def main() -> int:
    """Measure both in turns and print a line for each figure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    add_options(parser)
    arguments = parser.parse_args()
    rounds: dict[str, list[Figures]] = {OURS: [], THEIRS: []}
    try:
        with both(arguments, CONTEXT, max(STREAMS)) as servers:
            for number in range(arguments.repeat):
                for found in rounds.values():
                    found.append({})
                for work in works():
                    for server in servers:
                        server.go_on()
                        rounds[server.name][-1].update(work(server, number))
                        server.stand_still()
    except LocalqwqError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    figures = list(_compared(rounds))
    for figure in figures:
        print(f"{figure.what:40} {figure.value:>9} {figure.peer_value:>9} {figure.ratio:6.2f}")
    if arguments.record:
        record(
            "peer_speeds",
            "Beside llama-server",
            figures,
            command="python -m bench.peer.speeds",
            note="llama-server of the same source with its defaults, both over HTTP, in turns.",
            model=arguments.model.stem if arguments.model else "SmolLM2-135M Q4_1",
        )
    return 0


def _compared(rounds: Mapping[str, list[Figures]]) -> Iterator[Figure]:
    for what in rounds[OURS][0]:
        ours, theirs = ([found[what] for found in rounds[name]] for name in (OURS, THEIRS))
        ratio = statistics.median(a / b for a, b in zip(ours, theirs, strict=True))
        value, peer_value = (f"{statistics.median(found):.1f}" for found in (ours, theirs))
        yield Figure(what, value, "llama-server", peer_value, round(ratio, 2))


if __name__ == "__main__":
    sys.exit(main())
