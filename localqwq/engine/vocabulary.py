"""What grammars need to know about a model's tokens."""

import ctypes
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from localqwq.engine.llama.library import binding
from localqwq.engine.llama.model import Model
from localqwq.errors import LocalqwqError

Mask = NDArray[np.bool_]
"""Some of the tokens, by id."""

_ORDINARY = 1 << 2 | 1 << 4 | 1 << 5  # LLAMA_TOKEN_ATTR_NORMAL, _USER_DEFINED, _BYTE
_LONGEST_PIECE = 512
"""Bytes; llama.cpp recurses over a piece as deep as it is long."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The tokens of one model."""

    text: Mask
    """Tokens that represent only their text, or whose names are shown as such."""
    ends: Mask
    """Tokens that end a generation."""
    end: int
    """One of them."""


_known: WeakKeyDictionary[Model, Vocabulary] = WeakKeyDictionary()


def vocabulary(model: Model) -> Vocabulary:
    """Return a model's tokens, which are read once.

    Raises :class:`LocalqwqError` for a vocabulary without an end token.
    """
    found = _known.get(model)
    if found is None:
        found = _known[model] = _read(model)
    return found


def piece_of(model: Model, token: int) -> bytes:
    """Return the text of a token that has some."""
    return model.shown.get(token) or model.piece(token)


def _read(model: Model) -> Vocabulary:
    ends = np.zeros(model.size, np.bool_)
    ends[list(model.all_ends)] = True
    if not ends.any():
        raise LocalqwqError(
            f"{model.facts.path.name} has no token that ends an answer, so no format can be "
            "enforced; leave out response_format and tools."
        )
    text = _ordinary_text(model) & ~ends
    text[list(model.shown)] = True
    text[list(model.tags.by_id())] = False
    return Vocabulary(text, ends, int(ends.argmax()))


def _ordinary_text(model: Model) -> Mask:
    """Return which tokens have usable text of their own, with few calls per token."""
    llama, handle = binding(), model.vocabulary
    attributes, to_piece = llama.llama_vocab_get_attr, llama.llama_token_to_piece
    buffer = ctypes.create_string_buffer(_LONGEST_PIECE)
    text = np.zeros(model.size, np.bool_)
    for token in range(model.size):
        if attributes(handle, token) & _ORDINARY:
            length = to_piece(handle, token, buffer, _LONGEST_PIECE, 0, False)
            text[token] = length > 0 and b"\0" not in buffer[:length]
    return text
