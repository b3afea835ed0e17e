"""Which instructions an answer follows."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from localqwq.evals.ifeval.rules import RULES


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction of a prompt."""

    kind: str
    """One of the names in ``RULES``."""
    arguments: Mapping[str, Any]

    def is_followed(self, answer: str) -> bool:
        """Return whether an answer follows it; an empty one follows nothing."""
        return bool(answer.strip()) and RULES[self.kind](answer, **self.arguments)


@dataclass(frozen=True, slots=True)
class Compliance:
    """For each instruction, whether it is followed."""

    strict: list[bool]
    """By the answer as it is."""
    loose: list[bool]
    """By the answer, or what is left of it without Markdown's stars, an introduction or an end."""


def compliance(instructions: Sequence[Instruction], answer: str) -> Compliance:
    """Return which of the instructions an answer follows."""
    variants = list(_variants(answer))
    return Compliance(
        strict=[instruction.is_followed(answer) for instruction in instructions],
        loose=[any(map(instruction.is_followed, variants)) for instruction in instructions],
    )


def written(instructions: Sequence[Instruction]) -> str:
    """Return instructions as a text that :func:`instructions_of` reads."""
    return json.dumps([[found.kind, found.arguments] for found in instructions])


def instructions_of(text: str) -> list[Instruction]:
    """Return the instructions of a text."""
    return [Instruction(kind, arguments) for kind, arguments in json.loads(text)]


def _variants(answer: str) -> Iterator[str]:
    """Yield an answer, without its first line, its last one and both, and each without stars."""
    lines = answer.split("\n")
    shorter = ("\n".join(lines[part]).strip() for part in (slice(1, None), slice(-1), slice(1, -1)))
    for text in (answer, *shorter):
        yield text
        yield text.replace("*", "")
