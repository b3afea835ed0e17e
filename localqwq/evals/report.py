"""What a run says about a model: one row for each suite and budget."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from localqwq.evals.attempt import Attempt
from localqwq.evals.statistics import Estimate, accuracy, difference, majority, middle_and_most

Attempts = dict[str, list[Attempt]]
"""By problem."""
Part = tuple[str, int | None]
"""A suite and a budget."""


@dataclass(frozen=True, slots=True)
class Row:
    """The figures of a suite, with one budget."""

    suite: str
    budget: int | None
    """Maximum tokens of thought; None for no limit."""
    problems: int
    samples: int
    """Answers to all problems together."""
    right: int
    accuracy: Estimate
    """The share of right answers: pass@1."""
    votes: int
    """Samples of the problem with the fewest; 1 if there is no vote."""
    majority: Estimate | None
    """The share of problems that a vote of their samples gets right; None without a vote.

    Texts that are judged by marks have nothing in common that could be voted on.
    """
    marks: dict[str, float]
    """What else was judged, by name: the share of all of its marks that are right."""
    thought_median: float
    """Tokens."""
    thought_most: float
    """Tokens that 95 % of the thoughts do not exceed."""
    out_of_budget: float
    """Share of answers whose thought was ended by its budget."""
    looping: float
    """Share that kept repeating itself and was cut."""
    unfinished: float
    """Share that reached its maximum tokens."""
    without_answer: float
    """Share in which no final answer was found."""
    seconds: float
    """Median seconds of an answer."""

    def as_json(self) -> dict[str, Any]:
        """Return the figures as JSON."""
        return asdict(self)


def parts(attempts: Iterable[Attempt]) -> dict[Part, Attempts]:
    """Return the attempts of each suite and budget, by problem, in the order of the samples."""
    found: dict[Part, Attempts] = defaultdict(lambda: defaultdict(list))
    for attempt in sorted(attempts, key=lambda attempt: attempt.key.sample):
        key = attempt.key
        found[key.suite, key.budget][key.problem].append(attempt)
    return found


def rows(attempts: Iterable[Attempt]) -> list[Row]:
    """Return the rows, in the order of their names and budgets."""
    found = parts(attempts)
    return [_row(part, found[part]) for part in sorted(found, key=_order)]


def differences(
    one: Iterable[Attempt], other: Iterable[Attempt]
) -> list[tuple[Part, int, Estimate]]:
    """Return by how much the second model is right more often, in each suite and budget.

    With the number of problems that both have; they are compared sample by sample, as far as both
    have drawn them.
    """
    first, second = parts(one), parts(other)
    found = []
    for part in sorted(first.keys() & second.keys(), key=_order):
        left, right = _common(first[part], second[part])
        estimate = difference(left, right)
        if estimate is not None:
            found.append((part, len(left), estimate))
    return found


def _common(one: Attempts, other: Attempts) -> tuple[dict[str, list[bool]], dict[str, list[bool]]]:
    left, right = {}, {}
    for problem in one.keys() & other.keys():
        mine = {attempt.key.sample: attempt.right for attempt in one[problem]}
        theirs = {attempt.key.sample: attempt.right for attempt in other[problem]}
        if both := sorted(mine.keys() & theirs.keys()):
            left[problem] = [mine[sample] for sample in both]
            right[problem] = [theirs[sample] for sample in both]
    return left, right


def _order(part: Part) -> tuple[str, float]:
    suite, budget = part
    return suite, float("inf") if budget is None or budget < 0 else budget


def _row(part: Part, by_problem: Attempts) -> Row:
    attempts = [attempt for found in by_problem.values() for attempt in found]
    verdicts = {name: [attempt.right for attempt in found] for name, found in by_problem.items()}
    fewest = min(map(len, by_problem.values()))
    votes = {
        name: [(attempt.given, attempt.right) for attempt in found[:fewest]]
        for name, found in by_problem.items()
    }
    marks: dict[str, list[bool]] = defaultdict(list)
    for attempt in attempts:
        for name, found in attempt.marks.items():
            marks[name].extend(found)
    median, most = middle_and_most([attempt.thought_tokens for attempt in attempts])
    seconds, _ = middle_and_most([attempt.seconds for attempt in attempts])
    return Row(
        suite=part[0],
        budget=part[1],
        problems=len(by_problem),
        samples=len(attempts),
        right=sum(attempt.right for attempt in attempts),
        accuracy=accuracy(verdicts),
        votes=fewest,
        majority=majority(votes) if fewest > 1 and not marks else None,
        marks={name: _share(found) for name, found in marks.items()},
        thought_median=median,
        thought_most=most,
        out_of_budget=_share([attempt.thought == "budget" for attempt in attempts]),
        looping=_share(
            [attempt.finish == "loop" or attempt.thought == "loop" for attempt in attempts]
        ),
        unfinished=_share([attempt.finish == "length" for attempt in attempts]),
        without_answer=_share([attempt.given is None for attempt in attempts]),
        seconds=seconds,
    )


def _share(truths: Sequence[bool]) -> float:
    return sum(truths) / len(truths)
