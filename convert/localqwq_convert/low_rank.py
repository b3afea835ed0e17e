"""A change to a matrix, stored as the product of two narrow ones."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from localqwq_convert.safetensors import StoredTensor


@dataclass(frozen=True, slots=True)
class LowRank:
    """B·A·scale, or its transpose for an embedding, whose rows are tokens."""

    a: StoredTensor
    """(rank, columns of the product)."""
    b: StoredTensor
    """(rows of the product, rank)."""
    scale: float
    transposed: bool = False

    @property
    def shape(self) -> tuple[int, int]:
        """The shape of the changed matrix."""
        rows, columns = self.b.shape[0], self.a.shape[1]
        return (columns, rows) if self.transposed else (rows, columns)


def rounded(values: NDArray[np.float32], dtype: str) -> NDArray[np.float32]:
    """Return ``values`` rounded to the safetensors type ``dtype``."""
    match dtype:
        case "BF16":
            bits = values.view(np.uint32)
            # Round to nearest, ties to even; NaN stays NaN.
            up = (bits >> np.uint32(16)) & np.uint32(1)
            nearest = (bits + np.uint32(0x7FFF) + up) & np.uint32(0xFFFF0000)
            return np.where(np.isfinite(values), nearest, bits).view(np.float32)
        case "F16":
            with np.errstate(over="ignore"):
                return values.astype(np.float16).astype(np.float32)
    return values
