"""What conversations that nobody continues cost those who answer.

    python -m bench.peer.idle --peer DIR [--model PATH] [--idle 1] [--length 5000] [--repeat 3]

Each server first answers short prompts alone, then after ``--idle`` conversations of ``--length``
tokens in all have been read and left, then the first of these is continued. The servers take turns:
while one works, the other's processes stand still.
"""

import argparse
import statistics
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.peer.servers import OURS, THEIRS, Server, add_options, both
from bench.recording import Figure, record
from localqwq.errors import LocalqwqError

SENTENCE = "The keeper of the lighthouse wrote down the weather, the ships and the birds. "
SENTENCE_TOKENS = 16
TOKENS = 100
"""Of each short answer."""
PARALLEL = 4


@dataclass(frozen=True, slots=True)
class Costs:
    """What one server did in one round."""

    alone: float
    """Tokens per second of a short answer, nothing else in the cache."""
    beside: float
    """The same beside the idle conversations."""
    return_s: float
    """From the next message of an idle conversation to its first token."""


def short(server: Server, number: int) -> float:
    """Return the rate of a short answer to a prompt that nobody has sent before."""
    prompt = f"{number}. Write a story about a lighthouse keeper."
    return server.answer([{"role": "user", "content": prompt}], TOKENS).rate


def measure(server: Server, idle: int, length: int, number: int) -> Costs:
    """Measure one round on one server."""
    alone = statistics.median(short(server, number * 100 + turn) for turn in range(3))
    each = length // idle // SENTENCE_TOKENS
    long = [
        [{"role": "user", "content": f"Round {number}, log {one}. {SENTENCE * each}"}]
        for one in range(idle)
    ]
    for messages in long:
        server.answer(messages, 4)
    beside = statistics.median(short(server, number * 100 + turn) for turn in range(3, 6))
    goes_on = [
        *long[0],
        {"role": "assistant", "content": "Thank you."},
        {"role": "user", "content": "Go on."},
    ]
    return Costs(alone, beside, server.answer(goes_on, 4).first_s)


def main() -> int:
    """Measure both in turns and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    add_options(parser)
    parser.add_argument("--idle", type=int, default=1, help="idle conversations")
    parser.add_argument("--length", type=int, default=5000, help="their tokens in all")
    arguments = parser.parse_args()
    found: dict[str, list[Costs]] = {}
    try:
        with both(arguments, arguments.length + 3000, PARALLEL) as servers:
            for number in range(arguments.repeat):
                for server in servers:
                    server.go_on()
                    costs = measure(server, arguments.idle, arguments.length, number)
                    server.stand_still()
                    found.setdefault(server.name, []).append(costs)
    except LocalqwqError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    if arguments.record:
        _record(found, arguments)
    for name, rounds in found.items():
        alone = statistics.median(costs.alone for costs in rounds)
        beside = statistics.median(costs.beside for costs in rounds)
        back = statistics.median(costs.return_s for costs in rounds)
        print(
            f"{name:13} alone {alone:6.1f}, beside {beside:6.1f} tokens/s "
            f"({beside / alone:.2f}); first token on return {back:.2f} s"
        )
    return 0


def _record(found: Mapping[str, Sequence[Costs]], arguments: argparse.Namespace) -> None:
    shares, backs, rates = (
        {name: statistics.median(map(of, rounds)) for name, rounds in found.items()}
        for of in (
            lambda costs: costs.beside / costs.alone,
            lambda costs: costs.return_s,
            lambda costs: costs.beside,
        )
    )
    name = THEIRS
    conversations = "an idle conversation" if arguments.idle == 1 else "idle conversations"
    where = f"beside {conversations} of {arguments.length:,} tokens"
    record(
        f"peer_idle_{arguments.idle}",
        f"A short chat {where}",
        [
            Figure(
                "tokens/s of a short chat",
                f"{rates[OURS]:.1f}",
                name,
                f"{rates[name]:.1f}",
                round(rates[OURS] / rates[name], 2),
            ),
            Figure("share of the speed alone", f"{shares[OURS]:.2f}", name, f"{shares[name]:.2f}"),
            Figure(
                "seconds to the first token when it is continued",
                f"{backs[OURS]:.2f}",
                name,
                f"{backs[name]:.2f}",
                round(backs[OURS] / backs[name], 2),
            ),
        ],
        command=f"python -m bench.peer.idle --idle {arguments.idle}",
        note="llama-server of the same source with its defaults, both over HTTP, in turns.",
        model=arguments.model.stem if arguments.model else "SmolLM2-135M Q4_1",
    )


if __name__ == "__main__":
    sys.exit(main())
