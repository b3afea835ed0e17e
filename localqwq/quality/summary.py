"""The figures of a measurement, each with its standard error, from the scores of its tokens."""

from dataclasses import dataclass
from math import exp, sqrt

import numpy as np
from numpy.typing import NDArray

from localqwq.quality.divergence import Scores

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure and its standard error, which takes the tokens as independent."""

    value: float
    error: float


@dataclass(frozen=True, slots=True)
class Divergence:
    """How far a model is from a reference, in nats."""

    mean: Estimate
    median: Estimate
    p90: Estimate
    p99: Estimate
    p999: Estimate
    max: float
    top1: Estimate
    """The share of tokens for which both find the same word most likely."""
    top5: Estimate
    """The mean share of the reference's five most likely words among the model's."""
    compact_error: float | None = None
    """By how much the compact form is less than the full one, on tokens that have both, as a share;
    None if the full form was used.
    """


@dataclass(frozen=True, slots=True)
class Summary:
    """What was measured on one text."""

    count: int
    """Predicted tokens."""
    perplexity: Estimate
    divergence: Divergence | None
    """None without a reference."""


def summarize(scores: Scores) -> Summary:
    """Return the figures of a measurement of at least one token."""
    log_perplexity = mean(scores["nll"])
    value = exp(min(log_perplexity.value, 700.0))
    return Summary(len(scores), Estimate(value, value * log_perplexity.error), _divergence(scores))


def _divergence(scores: Scores) -> Divergence | None:
    if np.isnan(scores["top1"]).any():
        return None
    full, compact = scores["kld"], scores["compact_kld"]
    has_both = ~np.isnan(full) & ~np.isnan(compact)
    is_full = not np.isnan(full).any()
    values: Values = full if is_full else compact
    error = None
    if not is_full and has_both.any():
        whole = float(full[has_both].mean())
        error = (whole - float(compact[has_both].mean())) / whole if whole > 0 else 0.0
    return Divergence(
        mean=mean(values),
        median=quantile(values, 0.5),
        p90=quantile(values, 0.9),
        p99=quantile(values, 0.99),
        p999=quantile(values, 0.999),
        max=float(values.max()),
        top1=mean(scores["top1"]),
        top5=mean(scores["top5"]),
        compact_error=error,
    )


def mean(values: Values) -> Estimate:
    """Return the mean of at least one value."""
    count = len(values)
    variance = float(np.mean(values**2) - np.mean(values) ** 2)
    error = sqrt(max(0.0, variance) / (count - 1)) if count > 1 else 0.0
    return Estimate(float(np.mean(values)), error)


def quantile(values: Values, share: float) -> Estimate:
    """Return a quantile of at least one value, interpolated as llama-perplexity does.

    Its error is half the distance between the values that a quantile of another sample would lie
    between two times out of three, by the binomial distribution of how many values are smaller.
    """
    ordered = np.sort(values)
    last = len(ordered) - 1
    spread = sqrt(len(ordered) * share * (1 - share))
    low, high = (
        ordered[min(last, max(0, round(share * last + side * spread)))] for side in (-1, 1)
    )
    return Estimate(float(np.quantile(ordered, share)), float(high - low) / 2)
