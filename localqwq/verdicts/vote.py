"""Several answers to one question: which of them the most agree on."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from localqwq.verdicts.boxed import last_boxed
from localqwq.verdicts.choice import chosen_letter
from localqwq.verdicts.numerals import number

_AT_THE_END = re.compile(r"(-?\d+(?:[.,]\d+)*)\W*\Z")
_LONGEST = 60
"""Characters of a result in a sentence."""
_OUTSIDE = " \t\n.!\"'“”*`"


@dataclass(slots=True)
class Group:
    """Answers with the same result."""

    result: str
    """The result as the first of them writes it."""
    answers: list[int] = field(default_factory=list)
    """Which ones, in the order in which they came."""


class Vote:
    """Counts answers; equal ones need not be written alike."""

    def __init__(self, samples: int, same_value: Callable[[str, str], bool] | None = None) -> None:
        """Set up for so many answers; ``same_value`` compares expressions in boxes."""
        self._samples = samples
        self._same_value = same_value
        self._groups: list[Group] = []
        self.count = 0
        """The answers so far."""

    @property
    def groups(self) -> list[Group]:
        """The groups, the largest first, and of equal ones the one that was there first."""
        return sorted(self._groups, key=lambda group: -len(group.answers))

    @property
    def is_decided(self) -> bool:
        """Whether the answers that are still to come cannot change what wins."""
        first, second = ([len(group.answers) for group in self.groups] + [0, 0])[:2]
        return first - second > self._samples - self.count

    @property
    def agreeing(self) -> int:
        """The number of answers in the largest group."""
        return len(self.groups[0].answers) if self._groups else 0

    @property
    def progress(self) -> str:
        """How far the count is, for people."""
        return vote_progress(self.count, self._samples, self.agreeing)

    @property
    def outcome(self) -> list[str]:
        """Sentences about how many answers agree, and what the others say."""
        first, *others = self.groups
        agreeing = len(first.answers)
        if agreeing == 1 and self.count > 1:
            return [f"No two of {self.count} answers agree; this is the first one."]
        missing = self._samples - self.count
        early = f"; {missing} more were not needed" if missing else ""
        lines = [f"{agreeing} of {self.count} answers agree{early}."]
        return lines + [f"{len(group.answers)} of them: {_short(group)}" for group in others]

    def add(self, answer: str) -> None:
        """Count an answer."""
        result = final_result(answer)
        group = next((known for known in self._groups if self._same(known.result, result)), None)
        if group is None:
            group = Group(result)
            self._groups.append(group)
        group.answers.append(self.count)
        self.count += 1

    def _same(self, one: str, other: str) -> bool:
        if _plain(one) == _plain(other):
            return True
        first, second = number(one), number(other)
        if first is not None and second is not None:
            return first == second
        is_mathematics = "\\" in one or "\\" in other
        return is_mathematics and self._same_value is not None and self._same_value(one, other)


def vote_progress(count: int, samples: int, agreeing: int) -> str:
    """Return how far a vote is, for people."""
    return f"{count} of {samples} answers, {agreeing} agree"


def final_result(answer: str) -> str:
    r"""Return what an answer comes to.

    That is the last ``\boxed{}``, else the letter of a choice, else the number that the answer ends
    with, else its text.
    """
    ending = _AT_THE_END.search(answer)
    return last_boxed(answer) or chosen_letter(answer) or (ending[1] if ending else answer.strip())


def _plain(text: str) -> str:
    return " ".join(text.casefold().split()).strip(_OUTSIDE)


def _short(group: Group) -> str:
    text = " ".join(group.result.split()) or "no answer"
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
