"""The row order that llama.cpp requires for Llama's query and key projections."""

import numpy as np
from numpy.typing import NDArray


def row_order(rows: int, heads: int) -> NDArray[np.intp]:
    """Return the order of rows: output row i is source row ``order[i]``.

    Within each head the two halves are interleaved, because llama.cpp rotates neighbouring rows
    together (``LlamaModel.permute`` in llama.cpp's ``conversion/llama.py``).

    Args:
        rows: rows of the projection; a whole number of heads of even length.
        heads: heads of the projection.
    """
    return np.arange(rows).reshape(heads, 2, -1).swapaxes(1, 2).reshape(-1)
