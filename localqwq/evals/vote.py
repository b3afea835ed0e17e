"""Several answers to one question: which of them the most agree on."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from localqwq.evals.boxed import last_boxed
from localqwq.evals.numerals import number
from localqwq.evals.verdict import chosen_letter

_AT_THE_END = re.compile(r"(-?\d+(?:[.,]\d+)*)\W*\Z")
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


def final_result(answer: str) -> str:
    r"""Return what an answer comes to.

    That is the last ``\boxed{}``, else the letter of a choice, else the number that the answer ends
    with, else its text.
    """
    ending = _AT_THE_END.search(answer)
    return last_boxed(answer) or chosen_letter(answer) or (ending[1] if ending else answer.strip())


def _plain(text: str) -> str:
    return " ".join(text.casefold().split()).strip(_OUTSIDE)
