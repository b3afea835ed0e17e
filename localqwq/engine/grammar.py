"""Constraining tokens to a grammar, at almost no cost while the model complies."""

import codecs
import ctypes
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from localqwq.engine.llama.library import binding
from localqwq.engine.llama.model import Model
from localqwq.errors import LocalqwqError

ROOT = "root"
"""The start rule of a grammar."""

_CANDIDATE = np.dtype([("id", np.int32), ("logit", np.float32), ("p", np.float32)])
"""``llama_token_data``."""
_ORDINARY = 1 << 2 | 1 << 4 | 1 << 5  # LLAMA_TOKEN_ATTR_NORMAL, _USER_DEFINED, _BYTE
_TRIES = 4
_LONGEST_PIECE = 512
"""Bytes; llama.cpp recurses over a piece as deep as it is long."""

_Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class _Vocabulary:
    """What a grammar needs to know about a model's tokens."""

    text: _Mask
    """Tokens that represent only their text, by id."""
    ends: _Mask
    """Tokens that end a generation, by id."""
    end: int
    """One of them."""


_vocabularies: WeakKeyDictionary[Model, _Vocabulary] = WeakKeyDictionary()


class Grammar:
    """One text under a grammar in llama.cpp's format (GBNF), from its beginning.

    llama.cpp ends the process if a grammar is given a token that it does not allow, so each token
    is checked first. Control tokens and tags are never allowed, since their names would be taken
    for text, and neither are bytes that are not UTF-8.
    """

    def __init__(self, model: Model, gbnf: str) -> None:
        """Compile a grammar; raises :class:`LocalqwqError` if llama.cpp rejects it."""
        self.exempt: frozenset[int] = frozenset()
        """Tokens that may come instead; after one of them the grammar is no longer used."""
        self._llama = binding()
        self._model = model
        self._vocabulary = _vocabulary(model)
        self._decoder = codecs.getincrementaldecoder("utf-8")("strict")
        self._candidates = np.empty(model.size, _CANDIDATE)
        self._ids = np.arange(model.size, dtype=np.int32)
        self._handle: Any = self._llama.llama_sampler_init_grammar(
            model.vocabulary, gbnf.encode(), ROOT.encode()
        )
        if not self._handle:
            raise LocalqwqError(
                "llama.cpp rejects the grammar: correct its syntax, which is GBNF, or simplify "
                "the JSON schema that it comes from."
            )

    def sample(self, chain: Any, context: Any, index: int) -> int:
        """Sample the next token with the chain from the logits at a position of the last batch.

        The chain's free choice is checked first, which avoids scanning the vocabulary. If the
        grammar rejects it, that token is removed and the chain samples again: the first that fits
        is distributed like a sample among all that fit. Only after several attempts are those
        determined. Chain and grammar have accepted the returned token. Raises
        :class:`LocalqwqError` if no token in the vocabulary fits.
        """
        pointer: Any = self._llama.llama_get_logits_ith(context, index)
        logits = np.ctypeslib.as_array(pointer, (self._model.size,))
        refused: list[int] = []
        for _ in range(_TRIES):
            self._fill(logits)
            candidates = np.delete(self._candidates, refused) if refused else self._candidates
            token = self._draw(chain, candidates)
            if self._allows(token):
                break
            refused.append(token)
        else:
            token = self._draw_allowed(chain, logits)
        self._llama.llama_sampler_accept(chain, token)
        self._advance(token)
        return token

    def accept(self, token: int) -> None:
        """Advance over a token that was not sampled; raises :class:`LocalqwqError` if rejected.

        The chain is not changed.
        """
        if not self._allows(token):
            raise LocalqwqError(
                "The text to insert does not match the required form of the answer."
            )
        self._advance(token)

    def allows(self, token: int) -> bool:
        """Return whether the token may come next."""
        return self._allows(token)

    @property
    def complete(self) -> bool:
        """Whether the text may end here."""
        pending, _ = self._decoder.getstate()
        return not pending and self._fits(self._vocabulary.end)

    def close(self) -> None:
        """Free the grammar."""
        if self._handle:
            self._llama.llama_sampler_free(self._handle)
            self._handle = None

    def _fill(self, logits: NDArray[np.float32]) -> None:
        self._candidates["id"] = self._ids
        self._candidates["logit"] = logits
        self._candidates["p"] = 0

    def _draw(self, chain: Any, candidates: NDArray[np.void]) -> int:
        """Return the chain's choice; it reorders the candidates."""
        array = self._array(candidates)
        self._llama.llama_sampler_apply(chain, ctypes.byref(array))
        if not 0 <= array.selected < array.size:
            raise LocalqwqError("No token can be sampled: the model's logits are not numbers.")
        return int(array.data[array.selected].id)

    def _draw_allowed(self, chain: Any, logits: NDArray[np.float32]) -> int:
        """Sample among the tokens that the grammar allows."""
        self._fill(logits)
        array = self._array(self._candidates)
        self._llama.llama_sampler_apply(self._handle, ctypes.byref(array))
        vocabulary = self._vocabulary
        allowed = np.isfinite(self._candidates["logit"]) & (vocabulary.text | vocabulary.ends)
        for token in self.exempt:
            allowed[token] = True
            self._candidates["logit"][token] = logits[token]
        # Rejected tokens are removed: not all samplers can handle minus infinity.
        left = self._candidates[allowed]
        while left.size:
            token = self._draw(chain, left.copy())
            if token in self.exempt or self._fits_encoding(token):
                return token
            left = left[left["id"] != token]
        raise LocalqwqError(
            "The model has no token that fits the required form of the answer; leave out "
            "response_format or the tools, or simplify their schema."
        )

    def _allows(self, token: int) -> bool:
        if token in self.exempt:
            return True
        if self._vocabulary.ends[token]:
            return self.complete
        return (
            bool(self._vocabulary.text[token]) and self._fits_encoding(token) and self._fits(token)
        )

    def _fits(self, token: int) -> bool:
        """Return whether llama.cpp's grammar accepts one token."""
        candidate = np.array([(token, 0, 0)], _CANDIDATE)
        array = self._array(candidate)
        self._llama.llama_sampler_apply(self._handle, ctypes.byref(array))
        return bool(np.isfinite(candidate["logit"][0]))

    def _fits_encoding(self, token: int) -> bool:
        """Return whether the token continues valid UTF-8.

        llama.cpp takes an overlong sequence of zero bits for the end of the text.
        """
        before = self._decoder.getstate()
        try:
            self._decoder.decode(self._model.piece(token))
            pending, _ = self._decoder.getstate()
        except UnicodeDecodeError:
            return False
        finally:
            self._decoder.setstate(before)
        # Python's decoder notices half a surrogate pair only at its last byte.
        return not (pending[:1] == b"\xed" and pending[1:2] >= b"\xa0")

    def _advance(self, token: int) -> None:
        if token not in self.exempt and not self._vocabulary.ends[token]:
            self._llama.llama_sampler_accept(self._handle, token)
            self._decoder.decode(self._model.piece(token))

    def _array(self, candidates: NDArray[np.void]) -> Any:
        kind = ctypes.POINTER(self._llama.llama_token_data)
        return self._llama.llama_token_data_array(
            data=candidates.ctypes.data_as(kind), size=candidates.size, selected=-1, sorted=False
        )


def _vocabulary(model: Model) -> _Vocabulary:
    found = _vocabularies.get(model)
    if found is None:
        found = _vocabularies[model] = _read_vocabulary(model)
    return found


def _read_vocabulary(model: Model) -> _Vocabulary:
    """Read each token once; raises :class:`LocalqwqError` for a vocabulary without an end token."""
    ends = np.zeros(model.size, np.bool_)
    ends[list(model.all_ends)] = True
    if not ends.any():
        raise LocalqwqError(
            f"{model.facts.path.name} has no token that ends an answer, so no form can be "
            "enforced; leave out response_format and tools."
        )
    text = _ordinary_text(model) & ~ends
    text[list(model.tags.by_id())] = False
    return _Vocabulary(text, ends, int(ends.argmax()))


def _ordinary_text(model: Model) -> _Mask:
    """Return which tokens have usable text of their own, with few calls per token."""
    llama, vocabulary = binding(), model.vocabulary
    attributes, to_piece = llama.llama_vocab_get_attr, llama.llama_token_to_piece
    buffer = ctypes.create_string_buffer(_LONGEST_PIECE)
    text = np.zeros(model.size, np.bool_)
    for token in range(model.size):
        if attributes(vocabulary, token) & _ORDINARY:
            length = to_piece(vocabulary, token, buffer, _LONGEST_PIECE, 0, False)
            text[token] = length > 0 and b"\0" not in buffer[:length]
    return text
