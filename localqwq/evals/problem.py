"""A problem with a known answer."""

from dataclasses import dataclass
from typing import Literal

from localqwq.reasoning.messages import Message, Tool

Kind = Literal[
    "integer",
    "number",
    "larger",
    "choice",
    "expression",
    "parts",
    "instructions",
    "calls",
    "program",
]
"""How an answer is found and compared; see ``localqwq.evals.verdict``."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem of a suite."""

    id: str
    """Unique within its suite, and the same in every run."""
    prompt: str
    expected: str
    """The right answer; for the last four kinds what their verifiers read."""
    kind: Kind
    before: tuple[Message, ...] = ()
    """The conversation before the prompt."""
    tools: tuple[Tool, ...] = ()
    """What the model may call."""
