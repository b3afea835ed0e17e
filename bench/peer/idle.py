"""What conversations that nobody continues cost those who answer.

    python -m bench.peer.idle --peer DIR [--model PATH] [--idle 1] [--length 5000] [--repeat 3]
        [--pattern app]

Each server first answers short prompts alone, then after ``--idle`` conversations of ``--length``
tokens in all have been read and left, then the first of these is continued. In the app's pattern
they have nothing in common; in an agent's all, the short ones too, begin with the same system
prompt of 600 tokens. The servers take turns: while one works, the other's processes stand still.
"""

import argparse
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from bench.peer.servers import (
    OURS,
    SENTENCE,
    SENTENCE_TOKENS,
    THEIRS,
    Messages,
    Server,
    add_options,
    both,
)
from bench.recording import Figure, record
from localqwq.errors import LocalqwqError

TOKENS = 100
"""Of each short answer."""
PARALLEL = 4
_AGENT = f"You are a careful agent. {SENTENCE * (600 // SENTENCE_TOKENS)}"
OPENINGS: dict[str, Messages] = {"app": [], "agent": [{"role": "system", "content": _AGENT}]}
"""What every conversation of a pattern begins with."""


@dataclass(frozen=True, slots=True)
class Costs:
    """What one server did in one round."""

    alone: float
    """Tokens per second of a short answer, nothing else in the cache."""
    beside: float
    """The same beside the idle conversations."""
    return_s: float
    """From the next message of an idle conversation to its first token."""

    @property
    def share(self) -> float:
        """The part of the speed alone that is left."""
        return self.beside / self.alone


def short(server: Server, number: int, opening: Messages) -> float:
    """Return the rate of a short answer to a prompt that nobody has sent before."""
    prompt = f"{number}. Write a story about a lighthouse keeper."
    return server.answer([*opening, {"role": "user", "content": prompt}], TOKENS).rate


def measure(server: Server, idle: int, length: int, number: int, opening: Messages) -> Costs:
    """Measure one round on one server."""
    turns = range(number * 100, number * 100 + 6)
    alone = statistics.median(short(server, turn, opening) for turn in turns[:3])
    each = length // idle // SENTENCE_TOKENS
    long = [
        [*opening, {"role": "user", "content": f"Round {number}, log {one}. {SENTENCE * each}"}]
        for one in range(idle)
    ]
    for messages in long:
        server.answer(messages, 4)
    beside = statistics.median(short(server, turn, opening) for turn in turns[3:])
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
    parser.add_argument("--pattern", choices=OPENINGS, default="app", help="what they share")
    arguments = parser.parse_args()
    opening = OPENINGS[arguments.pattern]
    room = (700 if opening else 100) * arguments.idle + 2000
    found: dict[str, list[Costs]] = {}
    try:
        with both(arguments, arguments.length + room, PARALLEL) as servers:
            for number in range(arguments.repeat):
                for server in servers:
                    server.go_on()
                    costs = measure(server, arguments.idle, arguments.length, number, opening)
                    server.stand_still()
                    found.setdefault(server.name, []).append(costs)
    except LocalqwqError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    medians = {name: _median(rounds) for name, rounds in found.items()}
    for name, costs in medians.items():
        print(
            f"{name:13} alone {costs.alone:6.1f}, beside {costs.beside:6.1f} tokens/s "
            f"({costs.share:.2f}); first token on return {costs.return_s:.2f} s"
        )
    if arguments.record:
        _record(medians[OURS], medians[THEIRS], arguments)
    return 0


def _median(rounds: Sequence[Costs]) -> Costs:
    return Costs(
        statistics.median(costs.alone for costs in rounds),
        statistics.median(costs.beside for costs in rounds),
        statistics.median(costs.return_s for costs in rounds),
    )


def _record(ours: Costs, theirs: Costs, arguments: argparse.Namespace) -> None:
    conversations = "an idle conversation" if arguments.idle == 1 else "idle conversations"

    def figure(what: str, value: float, peer: float, digits: int) -> Figure:
        texts = f"{value:.{digits}f}", THEIRS, f"{peer:.{digits}f}"
        return Figure(what, *texts, round(value / peer, 2))

    record(
        f"peer_idle_{arguments.pattern}_{arguments.idle}",
        f"A short chat beside {conversations} of {arguments.length:,} tokens, as of an "
        f"{arguments.pattern}",
        [
            figure("tokens/s of a short chat", ours.beside, theirs.beside, 1),
            figure("share of the speed alone", ours.share, theirs.share, 2),
            figure("seconds to the first token on return", ours.return_s, theirs.return_s, 2),
        ],
        command=f"python -m bench.peer.idle --idle {arguments.idle} --pattern {arguments.pattern}",
        note="llama-server of the same source with its defaults, both over HTTP, in turns.",
        model=arguments.model.stem if arguments.model else "SmolLM2-135M Q4_1",
    )


if __name__ == "__main__":
    sys.exit(main())
