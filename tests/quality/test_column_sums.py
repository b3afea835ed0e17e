"""Sums of squares by column."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from localqwq.errors import LocalqwqError
from localqwq.quality.column_sums import ColumnSums

ROWS = arrays(
    np.float32,
    st.tuples(st.integers(1, 40), st.just(3)),
    elements=st.floats(-100, 100, width=32),
)


@given(st.lists(ROWS, min_size=1, max_size=4))
def test_they_are_those_of_all_rows(batches: list[np.ndarray]) -> None:
    """However the rows are divided among batches."""
    sums = ColumnSums()
    for batch in batches:
        sums.add("blk.0.x.weight", batch)
    rows = np.concatenate(batches).astype(np.float64)
    assert sums.counts == {"blk.0.x.weight": len(rows)}
    assert sums.sums["blk.0.x.weight"] == pytest.approx((rows**2).sum(axis=0), rel=1e-5, abs=1e-30)


@given(ROWS)
def test_what_is_kept_is_what_is_read(rows: np.ndarray) -> None:
    """An interrupted run goes on with the same numbers."""
    sums = ColumnSums()
    sums.add("a", rows)
    again = ColumnSums.of_arrays(sums.as_arrays())
    assert again.counts == sums.counts
    assert np.array_equal(again.sums["a"], sums.sums["a"])


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_numbers_only(value: float) -> None:
    """A sum that is none would spoil every quantization."""
    sums = ColumnSums()
    sums.add("a", np.full((2, 3), value, np.float32))
    with pytest.raises(LocalqwqError, match="not finite"):
        sums.check()
