"""How far a model's predictions are from those of a reference, token by token.

The reference's log probabilities are kept in 16 bits a word of the vocabulary, by the same formula
as llama.cpp's ``llama-perplexity``, whose figures these are: between the largest one and 16 less,
in steps of one part in 65,535.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Logits = NDArray[np.float32]
"""(positions, vocabulary)"""
Codes = NDArray[np.uint16]
"""(positions, vocabulary and 4), as ``llama-perplexity`` writes them: first the step and the
smallest log probability, as two F32.
"""

SCORE = np.dtype(
    [
        ("nll", "<f8"),
        ("base_nll", "<f8"),
        ("kld", "<f8"),
        ("compact_kld", "<f8"),
        ("top1", "<f8"),
        ("top5", "<f8"),
    ]
)
"""What is known of one predicted token: minus the log probability of the token that followed, for
the model and for the reference; the divergence, from the reference's whole distribution and from
its compact form; whether both find the same token most likely, and what share of the five most
likely ones is the same. What was not measured is NaN.
"""
Scores = NDArray[np.void]

_HEAD = 4
_RANGE = 16.0
_LEVELS = np.float32(65535)
_TINIEST = np.float32(1e-30)
"""Logits closer than that are equal: one divided by a smaller step is infinite."""
_MOST_LIKELY = 5


@dataclass(frozen=True, slots=True)
class Compact:
    """The reference's most likely words and their log probabilities; the rest is one mass."""

    words: NDArray[np.int32]
    """(positions, k), the most likely first."""
    log_probabilities: NDArray[np.float32]
    """(positions, k)"""
    tail: NDArray[np.float32]
    """The probability of all other words, (positions,)."""


def code_width(vocabulary: int) -> int:
    """Return the number of 16-bit values for one position."""
    return 2 * ((vocabulary + 1) // 2) + _HEAD


def log_normalizers(logits: Logits) -> NDArray[np.float32]:
    """Return what is subtracted from logits to make them log probabilities, (positions,)."""
    largest = logits.max(axis=1)
    sums = np.exp(logits - largest[:, np.newaxis]).sum(axis=1, dtype=np.float64)
    result: NDArray[np.float32] = largest + np.log(sums).astype(np.float32)
    return result


def encode(logits: Logits) -> Codes:
    """Return the log probabilities of a reference in 16 bits."""
    largest = logits.max(axis=1)
    smallest = np.maximum(logits.min(axis=1), largest - np.float32(_RANGE))
    step = (largest - smallest) / _LEVELS
    codes = np.zeros((len(logits), code_width(logits.shape[1])), np.uint16)
    head = codes[:, :_HEAD].view(np.float32)
    head[:, 0], head[:, 1] = step, smallest - log_normalizers(logits)
    inverse = np.divide(np.float32(1), step, where=step > _TINIEST, out=np.zeros_like(step))
    levels = np.rint((logits - smallest[:, np.newaxis]) * inverse[:, np.newaxis])
    codes[:, _HEAD : _HEAD + logits.shape[1]] = np.maximum(levels, 0)
    return codes


def decode(codes: Codes, vocabulary: int) -> NDArray[np.float32]:
    """Return the log probabilities of a reference, (positions, vocabulary)."""
    head = codes[:, :_HEAD].view(np.float32)
    levels = codes[:, _HEAD : _HEAD + vocabulary]
    result: NDArray[np.float32] = head[:, :1] * levels + head[:, 1:2]
    return result


def compacted(logits: Logits, k: int) -> Compact:
    """Return the compact form of a reference's predictions, with the ``k`` most likely words."""
    words = np.argpartition(logits, -k, axis=1)[:, -k:]
    order = np.argsort(-np.take_along_axis(logits, words, axis=1), axis=1, kind="stable")
    words = np.take_along_axis(words, order, axis=1)
    log_all = logits - log_normalizers(logits)[:, np.newaxis]
    kept = np.take_along_axis(log_all, words, axis=1)
    np.put_along_axis(log_all, words, np.float32(-np.inf), axis=1)
    tail = np.exp(log_all).sum(axis=1, dtype=np.float64)
    return Compact(words.astype(np.int32), kept, tail.astype(np.float32))


def likelihood(logits: Logits, following: NDArray[np.int32]) -> Scores:
    """Return scores with the likelihood of the tokens that followed alone."""
    scores = np.full(len(logits), np.nan, SCORE)
    rows = np.arange(len(logits))
    scores["nll"] = log_normalizers(logits) - logits[rows, following]
    return scores


def score(logits: Logits, following: NDArray[np.int32], base: Codes) -> Scores:
    """Return the scores of a model's logits against a reference's codes.

    ``following``: the token after each position.
    """
    scores = likelihood(logits, following)
    rows = np.arange(len(logits))
    reference = decode(base, logits.shape[1])
    scores["base_nll"] = -reference[rows, following]
    normalizers = log_normalizers(logits)[:, np.newaxis]
    terms = np.exp(reference) * (reference - logits + normalizers)
    # Words below e^-16 were cut off by the coding; llama-perplexity leaves them out, too.
    terms[reference <= -_RANGE] = 0
    scores["kld"] = terms.sum(axis=1, dtype=np.float64)
    _agree(scores, most_likely(logits), most_likely(reference))
    return scores


def score_compact(
    logits: Logits, following: NDArray[np.int32], base: Compact, base_nll: NDArray[np.float32]
) -> Scores:
    """Return the scores of a model's logits against a reference's compact form.

    The divergence is a lower bound, since the differences within the tail are not seen.
    ``base_nll``: the reference's own likelihood of the following tokens.
    """
    scores = likelihood(logits, following)
    scores["base_nll"] = base_nll
    normalizers = log_normalizers(logits)[:, np.newaxis]
    ours = (np.take_along_axis(logits, base.words, axis=1) - normalizers).astype(np.float64)
    theirs = base.log_probabilities.astype(np.float64)
    known = (np.exp(theirs) * (theirs - ours)).sum(axis=1)
    tiny = np.finfo(np.float64).tiny
    our_tail = np.maximum(1 - np.exp(ours).sum(axis=1), tiny)
    their_tail = base.tail.astype(np.float64)
    rest = their_tail * np.log(np.maximum(their_tail, tiny) / our_tail)
    scores["compact_kld"] = known + rest
    _agree(scores, most_likely(logits), base.words[:, :_MOST_LIKELY])
    return scores


def most_likely(values: NDArray[np.float32]) -> NDArray[np.intp]:
    """Return the five largest values' places in each row, the largest first."""
    left = values.copy()
    rows = np.arange(len(left))
    count = min(_MOST_LIKELY, left.shape[1])
    found = np.empty((len(left), count), np.intp)
    for rank in range(count):
        found[:, rank] = left.argmax(axis=1)
        left[rows, found[:, rank]] = -np.inf
    return found


def _agree(
    scores: Scores, ours: NDArray[np.intp], theirs: "NDArray[np.intp] | NDArray[np.int32]"
) -> None:
    scores["top1"] = ours[:, 0] == theirs[:, 0]
    shared = (ours[:, :, np.newaxis] == theirs[:, np.newaxis, :]).any(axis=2)
    scores["top5"] = shared.mean(axis=1)
