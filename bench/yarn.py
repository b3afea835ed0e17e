"""Which YaRN factor conversations get as they grow, beside the fixed one of the configuration.

    python -m bench.yarn [--record]

A fixed factor costs quality on short text, as QwQ's makers say. Prints the factor for conversations
of QwQ-32B of each length, from the engine's own rule, and the share of lengths up to the longest
that need less than the configuration's factor. Nothing is loaded.
"""

import argparse
import tempfile
from pathlib import Path

from bench.recording import Figure, record
from localqwq.engine.rope import grown_context, rope_scaling
from localqwq.models.prospects import prospect
from tests.checkpoints import write_json
from tests.sparse import QWQ

LENGTHS = (8_192, 32_768, 36_000, 60_000, 90_000, 120_000)


def main() -> None:
    """Print a line for each length."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--record", action="store_true", help="keep the figures in bench/results")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "config.json"
        write_json(config, QWQ)
        facts = prospect(config)("Q4_K_M")
    factors: list[float] = []
    for length in LENGTHS:
        context = grown_context(facts, length, facts.longest_context)
        factors.append(rope_scaling(facts, context).factor)
        print(f"{length:8,} tokens: factor {factors[-1]:g} (configuration: {facts.rope_factor:g})")
    if arguments.record:
        figures = [
            Figure(
                f"factor for a conversation of {length:,} tokens", f"{factor:g}",
                "the configuration's, always", f"{facts.rope_factor:g}",
                round(factor / facts.rope_factor, 2),
            )
            for length, factor in zip(LENGTHS, factors, strict=True)
        ]  # fmt: skip
        record(
            "yarn", "YaRN by need", figures,
            command="python -m bench.yarn --record",
            model="QwQ-32B", note="A factor of 1 is no scaling, as the model was trained.",
        )  # fmt: skip


if __name__ == "__main__":
    main()
