"""The reference's predictions on disk: in full, or in a compact form where that is too large."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from localqwq.errors import LocalqwqError
from localqwq.quality.chunks import CHUNK, PARALLEL
from localqwq.quality.divergence import Codes, Compact, code_width, compacted, encode
from localqwq.sizes import readable_size

SCORED = CHUNK - 1 - CHUNK // 2
"""Positions of a chunk that are scored: those of its second half that something follows."""
BOTH = PARALLEL
"""Chunks that the compact form keeps in full as well, to measure what it leaves out."""
_PAIR = 8
"""Bytes of one word and its log probability."""
_REST = 8
"""Bytes of one position besides: the tail's mass, and the likelihood of what followed."""
_FEWEST, _MOST = 16, 4096
"""Words that a compact form keeps at each position."""


@dataclass(frozen=True, slots=True)
class Form:
    """How predictions are kept."""

    vocabulary: int
    words: int | None = None
    """The most likely words that are kept at each position; None for all of them."""

    @property
    def full_bytes(self) -> int:
        """Bytes of one chunk in full."""
        return SCORED * code_width(self.vocabulary) * 2

    @property
    def compact_bytes(self) -> int:
        """Bytes of one chunk in the compact form."""
        return SCORED * ((self.words or 0) * _PAIR + _REST)

    def total(self, chunks: int) -> int:
        """Return the bytes for so many chunks."""
        if self.words is None:
            return chunks * self.full_bytes
        return chunks * self.compact_bytes + min(chunks, BOTH) * self.full_bytes


def form_for(vocabulary: int, chunks: int, limit: int) -> Form:
    """Return the most exact form that takes at most ``limit`` bytes.

    Raises:
        LocalqwqError: none does.
    """
    full = Form(vocabulary)
    if full.total(chunks) <= limit:
        return full
    left = limit - min(chunks, BOTH) * full.full_bytes
    words = (left // (chunks * SCORED) - _REST) // _PAIR
    if words < _FEWEST:
        least = Form(vocabulary, min(_FEWEST, vocabulary)).total(chunks)
        raise LocalqwqError(
            f"The reference's predictions would take at least {readable_size(least)}, more than "
            "--reference-size allows: allow more, or measure on fewer --tokens."
        )
    return Form(vocabulary, min(words, _MOST, vocabulary))


def full_record(logits: NDArray[np.float32]) -> bytes:
    """Return a chunk's predictions in full."""
    return encode(logits).tobytes()


def full_of(record: bytes, vocabulary: int) -> Codes:
    """Return the predictions in a record."""
    return np.frombuffer(record, np.uint16).reshape(SCORED, code_width(vocabulary))


def compact_record(
    logits: NDArray[np.float32], words: int, likelihood: NDArray[np.float64]
) -> bytes:
    """Return a chunk's predictions in the compact form, with the likelihood of what followed."""
    found = compacted(logits, words)
    parts = (found.words, found.log_probabilities, found.tail, likelihood.astype(np.float32))
    return b"".join(part.tobytes() for part in parts)


def compact_of(record: bytes, words: int) -> tuple[Compact, NDArray[np.float32]]:
    """Return the predictions in a record, and the likelihood of what followed."""
    values = np.frombuffer(record, np.float32)
    pairs = SCORED * words
    kept = Compact(
        values[:pairs].view(np.int32).reshape(SCORED, words),
        values[pairs : 2 * pairs].reshape(SCORED, words),
        values[2 * pairs : 2 * pairs + SCORED],
    )
    return kept, values[2 * pairs + SCORED :]
