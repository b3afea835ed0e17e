"""A problem with a known answer."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["integer", "number", "larger", "choice", "expression", "instructions"]
"""How an answer is found and compared; see ``localqwq.evals.verdict``."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem of a suite."""

    id: str
    """Unique within its suite, and the same in every run."""
    prompt: str
    expected: str
    """The right answer; for ``instructions`` what :mod:`localqwq.evals.ifeval.compliance` reads."""
    kind: Kind
