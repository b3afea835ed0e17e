"""Grammars in llama.cpp's own notation (GBNF), read by llama.cpp."""

import codecs
import ctypes
from typing import Any

import numpy as np

from localqwq.engine.llama.candidates import CANDIDATE, array_of
from localqwq.engine.llama.library import binding
from localqwq.engine.llama.model import Model
from localqwq.engine.vocabulary import Mask, vocabulary
from localqwq.errors import LocalqwqError

_ROOT = b"root"
"""The start rule of a grammar."""


class GbnfMatcher:
    """One text under a grammar, from its beginning.

    llama.cpp ends the process if a grammar is given a token that it does not allow, so each token
    is checked first. Bytes that are not UTF-8 are never allowed.
    """

    tries = 4

    def __init__(self, model: Model, gbnf: str) -> None:
        """Compile a grammar; raises :class:`LocalqwqError` if llama.cpp rejects it."""
        self._llama = binding()
        self._model = model
        self._end = vocabulary(model).end
        self._decoder = codecs.getincrementaldecoder("utf-8")("strict")
        self._handle: Any = self._llama.llama_sampler_init_grammar(
            model.vocabulary, gbnf.encode(), _ROOT
        )
        if not self._handle:
            raise LocalqwqError(
                "llama.cpp rejects the grammar: correct its syntax, which is GBNF, or simplify it."
            )

    def fits(self, token: int) -> bool:
        """Return whether a token may come next."""
        return self._fits_encoding(token) and self._fits(token)

    def prefers(self, token: int) -> bool:
        """Return whether the token continues valid UTF-8, which :meth:`all_that_fit` ignores."""
        return self._fits_encoding(token)

    def all_that_fit(self) -> Mask:
        """Return the tokens that the grammar itself allows."""
        candidates = np.zeros(self._model.size, CANDIDATE)
        candidates["id"] = np.arange(self._model.size)
        array = array_of(candidates)
        self._llama.llama_sampler_apply(self._handle, ctypes.byref(array))
        found: Mask = np.isfinite(candidates["logit"])
        return found

    def advance(self, token: int) -> None:
        """Add a token that fits."""
        self._llama.llama_sampler_accept(self._handle, token)
        self._decoder.decode(self._model.piece(token))

    @property
    def complete(self) -> bool:
        """Return whether the text may end here."""
        pending, _ = self._decoder.getstate()
        return not pending and self._fits(self._end)

    def close(self) -> None:
        """Free the grammar."""
        if self._handle:
            self._llama.llama_sampler_free(self._handle)
            self._handle = None

    def _fits(self, token: int) -> bool:
        """Return whether llama.cpp's grammar accepts one token."""
        candidate = np.array([(token, 0, 0)], CANDIDATE)
        array = array_of(candidate)
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
