"""One sample of an answer, and the order in which samples are drawn."""

import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from localqwq.evals.problem import Problem
from localqwq.reasoning.events import FinishReason, ThoughtEnd

_SEEDS = 2**31


@dataclass(frozen=True, slots=True)
class Key:
    """Which sample of which problem, with which limit for the thought."""

    suite: str
    problem: str
    sample: int
    budget: int | None = None
    """Maximum tokens of thought; None: as the model likes."""

    @property
    def seed(self) -> int:
        """The seed of the sampler: the same for all models, so that they can be compared in pairs.

        It does not depend on the budget, either.
        """
        return zlib.crc32(f"{self.suite}/{self.problem}/{self.sample}".encode()) % _SEEDS


@dataclass(frozen=True, slots=True)
class Attempt:
    """What came of a sample."""

    key: Key
    answer: str
    given: str | None
    """The final answer that was found in it."""
    right: bool
    thought_tokens: int
    tokens: int
    """All generated tokens."""
    seconds: float
    finish: FinishReason
    thought: ThoughtEnd
    marks: dict[str, list[bool]] = field(default_factory=dict)
    """What else was judged, by name; see :class:`~localqwq.evals.verdict.Verdict`."""


@dataclass(frozen=True, slots=True)
class Task:
    """A sample that is to be drawn."""

    key: Key
    problem: Problem


def tasks(
    suites: Mapping[str, Sequence[Problem]],
    samples: Mapping[str, int],
    budgets: Sequence[int | None],
) -> Iterator[Task]:
    """Yield all samples in the order in which an interrupted run has the narrowest intervals.

    That is one sample of every problem, the suites in turn, before the second sample of any: what
    differs between problems weighs on an interval in the number of problems, what differs between
    samples of one in the number of all samples.
    """
    for sample in range(max(samples.values(), default=0)):
        wanted = {name: found for name, found in suites.items() if sample < samples[name]}
        for place in range(max(map(len, wanted.values()), default=0)):
            for name, found in wanted.items():
                if place < len(found):
                    for budget in budgets:
                        yield Task(Key(name, found[place].id, sample, budget), found[place])
