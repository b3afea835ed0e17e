"""Llama's rows in llama.cpp's order."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from localqwq_convert.permutation import row_order

_SHAPES = st.tuples(st.integers(1, 9), st.integers(1, 32))


@given(_SHAPES)
def test_it_is_a_permutation_within_heads(shape: tuple[int, int]) -> None:
    """Every row once, and none leaves its head."""
    heads, pairs = shape
    order = row_order(heads * pairs * 2, heads)
    assert sorted(order) == list(range(heads * pairs * 2))
    assert (order // (2 * pairs) == np.arange(len(order)) // (2 * pairs)).all()


@given(_SHAPES)
def test_what_rotates_together_stands_together(shape: tuple[int, int]) -> None:
    """Row pair j of a head is element j of its first half and of its second."""
    heads, pairs = shape
    order = row_order(heads * pairs * 2, heads).reshape(heads, pairs, 2)
    starts = np.arange(heads)[:, None] * 2 * pairs
    assert (order[..., 0] == starts + np.arange(pairs)).all()
    assert (order[..., 1] == starts + pairs + np.arange(pairs)).all()


def test_two_heads_of_four() -> None:
    """Written out."""
    assert row_order(8, 2).tolist() == [0, 2, 1, 3, 4, 6, 5, 7]
