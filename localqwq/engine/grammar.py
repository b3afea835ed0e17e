"""Constraining tokens to a grammar, at almost no cost while the model complies."""

import ctypes
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from localqwq.engine.llama.candidates import CANDIDATE, array_of
from localqwq.engine.llama.library import binding
from localqwq.engine.llama.model import Model
from localqwq.engine.vocabulary import Mask, vocabulary
from localqwq.errors import LocalqwqError


class Matcher(Protocol):
    """One text under a grammar, from its beginning."""

    tries: int
    """Tokens that are drawn freely and checked, before all that fit are determined."""

    def fits(self, token: int) -> bool:
        """Return whether a token, which is text, may come next."""

    def prefers(self, token: int) -> bool:
        """Return whether a token that fits is to come, as long as there is one that is."""

    def all_that_fit(self) -> Mask:
        """Return all tokens that may come next, among others that are not text."""

    def advance(self, token: int) -> None:
        """Add a token that fits."""

    @property
    def complete(self) -> bool:
        """Return whether the text may end here."""

    def close(self) -> None:
        """Free the grammar."""


class Grammar:
    """The tokens of one text under a grammar.

    Control tokens and tags are never allowed, since their names would be taken for text.
    """

    def __init__(self, model: Model, matcher: Matcher) -> None:
        self.exempt: frozenset[int] = frozenset()
        """Tokens that may come instead; after one of them the grammar is no longer used."""
        self._llama = binding()
        self._model = model
        self._matcher = matcher
        self._vocabulary = vocabulary(model)
        self._candidates = np.empty(model.size, CANDIDATE)
        self._ids = np.arange(model.size, dtype=np.int32)

    def sample(self, chain: Any, context: Any, index: int) -> int:
        """Sample the next token with the chain from the logits at a position of the last batch.

        The chain's free choice is checked first, which avoids scanning the vocabulary. If the
        grammar rejects it, that token is removed and the chain samples again: the first that fits
        is distributed like a sample among all that fit. Only after the matcher's number of tries
        are those determined. Chain and grammar have accepted the returned token. Raises
        :class:`LocalqwqError` if no token in the vocabulary fits.
        """
        pointer: Any = self._llama.llama_get_logits_ith(context, index)
        logits = np.ctypeslib.as_array(pointer, (self._model.size,))
        refused: list[int] = []
        for _ in range(self._matcher.tries):
            self._fill(logits)
            candidates = np.delete(self._candidates, refused) if refused else self._candidates
            token = self._draw(chain, candidates)
            if self.allows(token) and self._prefers(token):
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
        if not self.allows(token):
            raise LocalqwqError(
                "The text to insert does not match the required form of the answer."
            )
        self._advance(token)

    def allows(self, token: int) -> bool:
        """Return whether the token may come next."""
        if token in self.exempt:
            return True
        if self._vocabulary.ends[token]:
            return self.complete
        return bool(self._vocabulary.text[token]) and self._matcher.fits(token)

    @property
    def complete(self) -> bool:
        """Whether the text may end here."""
        return self._matcher.complete

    def close(self) -> None:
        """Free the grammar."""
        self._matcher.close()

    def _prefers(self, token: int) -> bool:
        return self._is_outside(token) or self._matcher.prefers(token)

    def _is_outside(self, token: int) -> bool:
        """Return whether the token is no part of the text."""
        return token in self.exempt or bool(self._vocabulary.ends[token])

    def _fill(self, logits: NDArray[np.float32]) -> None:
        self._candidates["id"] = self._ids
        self._candidates["logit"] = logits
        self._candidates["p"] = 0

    def _draw(self, chain: Any, candidates: NDArray[np.void]) -> int:
        """Return the chain's choice; it reorders the candidates."""
        array = array_of(candidates)
        self._llama.llama_sampler_apply(chain, ctypes.byref(array))
        if not 0 <= array.selected < array.size:
            raise LocalqwqError("No token can be sampled: the model's logits are not numbers.")
        return int(array.data[array.selected].id)

    def _draw_allowed(self, chain: Any, logits: NDArray[np.float32]) -> int:
        """Sample among the tokens that the grammar allows."""
        allowed = self._matcher.all_that_fit() & self._vocabulary.text
        if self.complete:
            allowed |= self._vocabulary.ends
        allowed[list(self.exempt)] = True
        self._fill(logits)
        # Rejected tokens are removed: not all samplers can handle minus infinity.
        whole = left = self._candidates[allowed]
        while left.size:
            token = self._draw(chain, left.copy())
            if self._prefers(token):
                return token
            left = left[left["id"] != token]
        fitting = whole[[self.allows(int(token)) for token in whole["id"]]]
        if fitting.size:
            return self._draw(chain, fitting)
        raise LocalqwqError(
            "The model has no token that fits the required form of the answer; leave out "
            "response_format or the tools, or simplify their schema."
        )

    def _advance(self, token: int) -> None:
        if not self._is_outside(token):
            self._matcher.advance(token)
