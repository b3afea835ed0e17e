"""Chunks of tokens, which are computed apart from each other: as llama.cpp's tools cut a text."""

from collections.abc import Iterator
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from localqwq.errors import LocalqwqError

CHUNK = 512
"""Tokens; the usual length, on which published figures depend."""
PARALLEL = 4
"""Chunks that llama.cpp's tools compute side by side."""
FEWEST = 2
"""Chunks that a text must fill, as for llama.cpp's tools."""

Tokens = NDArray[np.int32]


def chunk_count(tokens: int) -> int:
    """Return the number of whole chunks; the rest of a text is not used."""
    return tokens // CHUNK


def chunks(tokens: Tokens, begin: int | None, first: int = 0) -> Iterator[list[int]]:
    """Yield the chunks from number ``first`` on.

    ``begin``: the token that the model wants before every text. It takes the place of each chunk's
    first one, so that all have the same length.
    """
    for number in range(first, chunk_count(len(tokens))):
        chunk = tokens[number * CHUNK : (number + 1) * CHUNK].tolist()
        if begin is not None:
            chunk[0] = begin
        yield chunk


def grouped(all_chunks: Iterator[list[int]]) -> Iterator[list[list[int]]]:
    """Yield the chunks that are computed side by side."""
    while group := list(islice(all_chunks, PARALLEL)):
        yield group


def expect_enough(tokens: int, label: str) -> None:
    """Raise :class:`LocalqwqError` if a text called ``label`` is too short to be used."""
    if chunk_count(tokens) < FEWEST:
        raise LocalqwqError(
            f"{label} has only {tokens:,} tokens, and at least {FEWEST * CHUNK:,} are needed: "
            "use more text."
        )
