"""Answers, prompts and several streams at once, beside llama-server with the same libraries.

    python -m bench.peer.speeds --peer DIR [--model PATH] [--repeat 3] [--only KIND ...] [--record]

In each round both servers take turns with each kind of work: one answer, to a plain HTTP client and
to OpenAI's; the first token of a long prompt; a long message that continues a conversation; 2, 4
and 8 answers at once, of which the tokens per second of all together and the gaps between the
events of each count. While one server works, the other's processes stand still. A ratio is the
median over the rounds of ours to theirs in the same round. At the end, what the libraries can do
at most: llama-batched-bench, if it is beside llama-server.
"""

import argparse
import json
import statistics
import subprocess
import sys
from collections.abc import Iterator, Mapping

from bench.peer.servers import OURS, THEIRS, add_options, both
from bench.peer.works import EACH, KINDS, STREAMS, Figures, works
from bench.recording import Figure, record
from bench.smollm2 import smollm2
from localqwq.errors import LocalqwqError

CONTEXT = 8192
PROMPT = 40
"""Tokens of each prompt for llama-batched-bench, about those of the answers at once."""


def main() -> int:
    """Measure both in turns and print a line for each figure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    add_options(parser)
    parser.add_argument("--only", nargs="+", choices=KINDS, default=KINDS, help="kinds of work")
    arguments = parser.parse_args()
    rounds: dict[str, list[Figures]] = {OURS: [], THEIRS: []}
    try:
        with both(arguments, CONTEXT, max(STREAMS)) as servers:
            for number in range(arguments.repeat):
                for found in rounds.values():
                    found.append({})
                for work in works(arguments.only):
                    for server in servers:
                        server.go_on()
                        rounds[server.name][-1].update(work(server, number))
                        server.stand_still()
        limits = _limits(arguments) if "streams" in arguments.only else {}
    except LocalqwqError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    figures = list(_compared(rounds))
    for figure in figures:
        print(f"{figure.what:45} {figure.value:>9} {figure.peer_value:>9} {figure.ratio:6.2f}")
    for count, rate in limits.items():
        print(f"llama-batched-bench, {count} at once, tokens/s {rate:18.1f}")
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


def _limits(arguments: argparse.Namespace) -> dict[int, float]:
    """Return the tokens per second of so many answers at once without any server."""
    program = arguments.peer / "llama-batched-bench"
    if not program.is_file():
        return {}
    command = [
        *(str(program), "-m", str(arguments.model or smollm2()), "-c", str(CONTEXT), "-kvu"),
        *("-t", str(arguments.threads), "-npp", str(PROMPT), "-ntg", str(EACH)),
        *("-npl", ",".join(map(str, (1, *STREAMS))), "--output-format", "jsonl"),
    ]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = [json.loads(line) for line in found.stdout.splitlines() if line.startswith("{")]
    return {line["pl"]: line["speed_tg"] for line in lines}


if __name__ == "__main__":
    sys.exit(main())
