"""Sums of squares of each matrix's inputs, by column: what an importance matrix consists of."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from localqwq.errors import LocalqwqError

Sums = NDArray[np.float32]

_BLOCK = 32
"""Rows whose squares are added at once: few enough to stay in a processor's cache."""


class ColumnSums:
    """For each matrix: the sums over all rows of its inputs, and the number of rows.

    They are added row by row in F32, as llama-imatrix does: its sums over a long text have lost
    digits in the same way.
    """

    def __init__(self) -> None:
        self.sums: dict[str, Sums] = {}
        self.counts: dict[str, int] = {}
        self._squares: dict[int, Sums] = {}
        """Room for one block, by the number of columns."""

    def add(self, name: str, rows: NDArray[np.float32]) -> None:
        """Add the inputs of one batch, (rows, columns)."""
        columns = rows.shape[1]
        total = self.sums.setdefault(name, np.zeros(columns, np.float32))
        squares = self._squares.get(columns)
        if squares is None:
            squares = self._squares[columns] = np.empty((_BLOCK + 1, columns), np.float32)
        for first in range(0, len(rows), _BLOCK):
            block = rows[first : first + _BLOCK]
            used = squares[: len(block) + 1]
            used[0] = total
            np.multiply(block, block, out=used[1:])
            np.add.reduce(used, axis=0, out=total)
        self.counts[name] = self.counts.get(name, 0) + len(rows)

    def check(self) -> None:
        """Raise :class:`LocalqwqError` if a sum is not a number."""
        for name, total in self.sums.items():
            if not np.isfinite(total).all():
                raise LocalqwqError(
                    f"The inputs of {name} are not finite numbers, so nothing can be learned from "
                    "them: the model's file is damaged, or its computation overflows."
                )

    def as_arrays(self) -> dict[str, NDArray[np.float64]]:
        """Return one array for each matrix: its count, then its sums."""
        return {name: np.append(self.counts[name], total) for name, total in self.sums.items()}

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, NDArray[np.float64]]) -> "ColumnSums":
        """Return the sums in the arrays of :meth:`as_arrays`."""
        found = cls()
        for name, array in arrays.items():
            found.counts[name], found.sums[name] = int(array[0]), array[1:].astype(np.float32)
        return found
