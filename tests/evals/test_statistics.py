"""Shares, votes and differences, against values by hand and by properties."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localqwq.evals.statistics import accuracy, difference, majority, middle_and_most, wilson

verdicts = st.dictionaries(
    st.text(max_size=3), st.lists(st.booleans(), min_size=1, max_size=6), min_size=1, max_size=20
)


def test_wilson_by_hand() -> None:
    """The values of the formula, computed by hand."""
    assert wilson(0.5, 10) == pytest.approx((0.23659, 0.76341), abs=1e-5)
    assert wilson(1.0, 30) == pytest.approx((0.88649, 1.0), abs=1e-5)
    assert wilson(0.0, 1) == pytest.approx((0.0, 0.79345), abs=1e-5)


@given(share=st.floats(0, 1), count=st.integers(1, 10_000))
def test_wilson_holds_the_share(share: float, count: int) -> None:
    """It lies in the interval, which is one of shares and narrows with more trials."""
    low, high = wilson(share, count)
    assert 0 <= low <= share + 1e-12
    assert share - 1e-12 <= high <= 1
    wider = wilson(share, count / 2)
    assert high - low <= wider[1] - wider[0] + 1e-12


def test_one_answer_each() -> None:
    """Then it is Wilson's interval of the answers."""
    found = accuracy({str(place): [place < 27] for place in range(30)})
    assert (found.low, found.high) == wilson(0.9, 30)
    assert found.value == pytest.approx(0.9)


def test_answers_to_one_problem_resemble_each_other() -> None:
    """Eight equal answers to each of ten problems are worth no more than ten."""
    same = accuracy({str(place): [place < 5] * 8 for place in range(10)})
    mixed = accuracy({str(place): [True, False] * 4 for place in range(10)})
    assert same.value == mixed.value == 0.5
    assert (same.low, same.high) == wilson(0.5, 10)
    assert (mixed.low, mixed.high) == wilson(0.5, 10)  # nothing varies, so nothing is learned
    some = accuracy({str(place): [bit == "1" for bit in f"{place:04b}"] for place in range(10)})
    assert some.high - some.low < same.high - same.low


@given(verdicts)
def test_an_accuracy_is_in_its_interval(samples: dict[str, list[bool]]) -> None:
    """Whatever was seen."""
    found = accuracy(samples)
    assert 0 <= found.low <= found.value + 1e-12
    assert found.value - 1e-12 <= found.high <= 1


def test_votes_by_hand() -> None:
    """Right answers count as one however they are written; a tie counts in part."""
    found = majority(
        {
            "won": [("1/2", True), ("0.5", True), ("7", False)],
            "lost": [("8", False), ("8", False), ("9", True)],
            "tied": [("3", True), ("4", False), (None, False)],
            "silent": [(None, False), (None, False), (None, False)],
        }
    )
    assert found.value == (1 + 0 + 0.5 + 0) / 4


@given(verdicts)
def test_a_model_beside_itself(samples: dict[str, list[bool]]) -> None:
    """It does not differ, and the interval says how many problems stand for that."""
    found = difference(samples, samples)
    assert found is not None
    assert found.value == 0
    assert found.high == -found.low == pytest.approx(1 - 0.05 ** (1 / len(samples)))


@given(one=verdicts, other=verdicts)
def test_a_difference_has_a_sign(one: dict[str, list[bool]], other: dict[str, list[bool]]) -> None:
    """The other way round it is the opposite."""
    there, back = difference(one, other), difference(other, one)
    if there is None or back is None:
        assert there is back is None
        assert not one.keys() & other.keys()
        return
    assert there.value == -back.value
    assert there.low <= there.value + 1e-12
    assert there.value <= there.high + 1e-12


def test_pairs_are_narrower() -> None:
    """What makes problems hard for both models cancels."""
    one = {str(place): [place % 2 == 0] for place in range(100)}
    other = {name: [True] if name == "1" else found for name, found in one.items()}
    found = difference(one, other)
    assert found is not None
    assert found.value == pytest.approx(0.01)
    assert found.high - found.low < 0.05
    alone = accuracy(one)
    assert alone.high - alone.low > 0.15


def test_the_middle_and_the_most() -> None:
    """By hand."""
    assert middle_and_most([3.0]) == (3.0, 3.0)
    assert middle_and_most(list(range(100))) == (49.5, 95)
