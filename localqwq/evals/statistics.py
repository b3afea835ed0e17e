"""Shares and differences with intervals that are honest about how few problems there are.

All intervals are at 95 %.
"""

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import fmean, median, variance

_Z = 1.959964
"""The normal distribution's quantile for 95 %, two-sided."""
_RESAMPLES = 4_000


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value and the interval that it may be in."""

    value: float
    low: float
    high: float


def wilson(share: float, count: float) -> tuple[float, float]:
    """Return Wilson's score interval of a share seen in ``count`` independent trials.

    Source: E. B. Wilson, "Probable inference, the law of succession, and statistical inference",
    Journal of the American Statistical Association 22 (1927). ``count`` need not be whole.
    """
    z2 = _Z * _Z
    centre = (share + z2 / (2 * count)) / (1 + z2 / count)
    half = _Z / (1 + z2 / count) * sqrt(share * (1 - share) / count + z2 / (4 * count * count))
    return max(0.0, centre - half), min(1.0, centre + half)


def accuracy(samples: Mapping[str, Sequence[bool]]) -> Estimate:
    """Return the share of right answers, for the verdicts on the samples of each problem.

    Every problem counts the same. Answers to one problem resemble each other, so the interval is
    Wilson's for the number of independent answers that would vary as much: p (1 - p) divided by
    the variance of the mean over problems, at least one a problem and at most all answers.
    """
    shares = [fmean(verdicts) for verdicts in samples.values()]
    value, count = fmean(shares), len(shares)
    answers = sum(map(len, samples.values()))
    independent = float(count)
    if count > 1 and answers > count and (spread := variance(shares)):
        independent = min(max(value * (1 - value) * count / spread, count), answers)
    return Estimate(value, *wilson(value, independent))


def majority(given: Mapping[str, Sequence[tuple[str | None, bool]]]) -> Estimate:
    """Return the share of problems whose most frequent answer is right.

    Each problem has the given answers of its samples, and whether they are right. Answers that are
    right count as one, however they are written; of several that are equally frequent, each counts
    in part; none is no answer.
    """
    wins = [_vote(answers) for answers in given.values()]
    value = fmean(wins)
    return Estimate(value, *wilson(value, len(wins)))


def _vote(answers: Sequence[tuple[str | None, bool]]) -> float:
    right = "right"
    votes = Counter(
        (right if is_right else f"wrong {text}") for text, is_right in answers if text is not None
    )
    if not votes:
        return 0.0
    most = max(votes.values())
    winners = [answer for answer, count in votes.items() if count == most]
    return (right in winners) / len(winners)


def difference(
    one: Mapping[str, Sequence[bool]], other: Mapping[str, Sequence[bool]]
) -> Estimate | None:
    """Return by how much ``other`` is right more often than ``one``, on the problems of both.

    The pairs cancel what makes some problems harder than others. The interval is the percentile
    bootstrap over problems; where all differences are equal, it spans what 95 % of such draws would
    not show: up to 1 - 0.05^(1/n) on both sides. None without a common problem.
    """
    common = sorted(one.keys() & other.keys())
    if not common:
        return None
    pairs = [fmean(other[problem]) - fmean(one[problem]) for problem in common]
    value = fmean(pairs)
    if len(set(pairs)) == 1:
        room = 1 - 0.05 ** (1 / len(pairs))
        return Estimate(value, max(-1.0, value - room), min(1.0, value + room))
    rng = random.Random(0)
    means = sorted(fmean(rng.choices(pairs, k=len(pairs))) for _ in range(_RESAMPLES))
    cut = round(_RESAMPLES * 0.025)
    return Estimate(value, means[cut], means[-cut - 1])


def middle_and_most(values: Sequence[float]) -> tuple[float, float]:
    """Return the median and the value that 95 % do not exceed."""
    ordered = sorted(values)
    return median(ordered), ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]
