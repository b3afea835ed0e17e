"""Divergence by formula: its bounds, and what two ways of keeping a reference lose."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from localqwq.quality.divergence import (
    code_width,
    compacted,
    decode,
    encode,
    log_normalizers,
    score,
    score_compact,
)
from localqwq.quality.summary import mean, quantile, summarize

WORDS = 40
LOGITS = arrays(np.float32, (3, WORDS), elements=st.floats(-6, 6, width=32))
FOLLOWING = arrays(np.int32, 3, elements=st.integers(0, WORDS - 1))
VALUES = arrays(np.float64, st.integers(2, 60), elements=st.floats(0, 10))
Array = NDArray[np.float32]


def exact(reference: Array, logits: Array) -> NDArray[np.float64]:
    """The divergence in 64 bits, from the definition."""
    first, second = (array.astype(np.float64) for array in (reference, logits))
    logs = [array - np.log(np.exp(array).sum(axis=1, keepdims=True)) for array in (first, second)]
    result: NDArray[np.float64] = (np.exp(logs[0]) * (logs[0] - logs[1])).sum(axis=1)
    return result


@given(LOGITS)
def test_codes_keep_log_probabilities(logits: Array) -> None:
    """Up to half a step of a range of at most 16."""
    codes = encode(logits)
    assert codes.shape == (3, code_width(WORDS))
    wanted = logits - log_normalizers(logits)[:, np.newaxis]
    assert np.abs(decode(codes, WORDS) - wanted).max() < 16 / 65535


@given(LOGITS, LOGITS, FOLLOWING)
def test_the_divergence_is_that_of_the_definition(
    reference: Array, logits: Array, following: NDArray[np.int32]
) -> None:
    """Up to what the codes round; and the compact form is never above it."""
    full = score(logits, following, encode(reference))
    wanted = exact(reference, logits)
    assert np.abs(full["kld"] - wanted).max() < 2e-3
    kept = compacted(reference, 10)
    compact = score_compact(logits, following, kept, full["base_nll"].astype(np.float32))
    assert (compact["compact_kld"] <= wanted + 1e-4).all()
    assert (compact["compact_kld"] >= -1e-4).all()


@given(LOGITS, FOLLOWING)
def test_a_model_does_not_differ_from_itself(logits: Array, following: NDArray[np.int32]) -> None:
    """Nor does it in the compact form, with all words or few."""
    scores = score(logits, following, encode(logits))
    assert np.abs(scores["kld"]).max() < 1e-3
    np.testing.assert_allclose(scores["nll"], scores["base_nll"], atol=1e-3)
    for words in (10, WORDS):
        compact = score_compact(
            logits, following, compacted(logits, words), scores["nll"].astype(np.float32)
        )
        assert np.abs(compact["compact_kld"]).max() < 1e-3
        ordered = np.sort(logits, axis=1)
        has_one = ordered[:, -1] > ordered[:, -2]  # of several, either form may name any
        assert (compact["top1"][has_one] == 1).all()


def test_agreement_counts_words() -> None:
    """The same most likely one, and how many of five are shared."""
    reference = np.zeros((1, 8), np.float32)
    reference[0, :5] = (9, 8, 7, 6, 5)
    logits = np.zeros((1, 8), np.float32)
    logits[0, 2:7] = (5, 6, 7, 8, 9)
    (found,) = score(logits, np.zeros(1, np.int32), encode(reference))
    assert found["top1"] == 0
    assert found["top5"] == 3 / 5


@given(VALUES)
def test_errors_of_means(values: NDArray[np.float64]) -> None:
    """The usual one, by the sample's variance."""
    found = mean(values)
    assert np.isclose(found.value, values.mean())
    usual = values.std() / np.sqrt(len(values) - 1)
    assert np.isclose(found.error, usual, atol=1e-5)


@given(VALUES, st.sampled_from((0.5, 0.9, 0.99, 0.999)))
def test_quantiles_lie_among_the_values(values: NDArray[np.float64], share: float) -> None:
    """And their errors are not larger than half the whole range."""
    found = quantile(values, share)
    assert values.min() <= found.value <= values.max()
    assert 0 <= found.error <= (values.max() - values.min()) / 2 + 1e-12


def test_a_uniform_guess_has_the_perplexity_of_the_vocabulary() -> None:
    """By its definition."""
    scores = score(
        np.zeros((3, WORDS), np.float32),
        np.arange(3, dtype=np.int32),
        encode(np.zeros((3, WORDS), np.float32)),
    )
    found = summarize(scores)
    assert np.isclose(found.perplexity.value, WORDS)
    assert found.divergence is not None
    assert found.divergence.max < 1e-6
