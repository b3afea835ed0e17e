"""Grammars in Lark's notation, read by llguidance, which knows all tokens that fit at once."""

from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import numpy as np

from localqwq.engine.llama.model import Model
from localqwq.engine.vocabulary import Mask, piece_of, vocabulary
from localqwq.errors import LocalqwqError
from localqwq.reasoning.grammar_check import matcher_of, problem_of, tokenizer_of
from localqwq.reasoning.json_bounds import JsonBounds

if TYPE_CHECKING:
    from llguidance import LLMatcher, LLTokenizer

_MOST_TEXTS = 500
"""Texts under one compiled grammar."""
_tokenizers: WeakKeyDictionary[Model, "LLTokenizer"] = WeakKeyDictionary()


class GuidedForm:
    """A compiled grammar. Thread-safe.

    llguidance finds out about a grammar while it is used, and keeps that for all its texts. When
    that reaches a limit, none of them can go on, and no other can begin.
    """

    def __init__(self, model: Model, grammar: str, *, is_json: bool) -> None:
        """Compile a grammar, which must have been tried before: see :class:`GrammarTrials`.

        ``is_json``: whether its texts are bounded like JSON. Raises :class:`LocalqwqError` if
        llguidance rejects it.
        """
        self._model = model
        self._is_json = is_json
        self._left = _MOST_TEXTS
        self._first = matcher_of(grammar, _tokenizer(model))
        self.check(self._first)

    @property
    def spent(self) -> bool:
        """Whether the grammar is to be compiled anew for the next text."""
        return self._left <= 0

    def begin(self) -> "GuidedMatcher":
        """Return a matcher at the beginning of a text."""
        self._left -= 1
        bounds = JsonBounds() if self._is_json else None
        return GuidedMatcher(self._model, self, self._first.deep_copy(), bounds)

    def check(self, matcher: "LLMatcher") -> None:
        """Raise :class:`LocalqwqError` if a matcher of this grammar cannot go on."""
        if reason := problem_of(matcher):
            self._left = 0
            raise LocalqwqError(
                f"The required form of the answer became too complex ({reason}); simplify its "
                "schema."
            )


class GuidedMatcher:
    """One text under a grammar."""

    tries = 1

    def __init__(
        self, model: Model, form: GuidedForm, matcher: "LLMatcher", bounds: JsonBounds | None
    ) -> None:
        self._model = model
        self._form = form
        self._matcher = matcher
        self._bounds = bounds

    def fits(self, token: int) -> bool:
        """Return whether a token may come next."""
        found = self._matcher.validate_tokens([token]) == 1
        self._form.check(self._matcher)
        return found

    def prefers(self, token: int) -> bool:
        """Return whether the text stays within the bounds of JSON's readers."""
        return self._bounds is None or self._bounds.allow(piece_of(self._model, token))

    def all_that_fit(self) -> Mask:
        """Return all tokens that may come next."""
        bits = np.frombuffer(self._matcher.compute_bitmask(), np.uint8)
        self._form.check(self._matcher)
        return np.unpackbits(bits, count=self._model.size, bitorder="little").astype(np.bool_)

    def advance(self, token: int) -> None:
        """Add a token that fits."""
        self._matcher.consume_token(token)
        self._form.check(self._matcher)
        if self._bounds is not None:
            self._bounds.add(piece_of(self._model, token))

    @property
    def complete(self) -> bool:
        """Return whether the text may end here."""
        return self._matcher.is_accepting()

    def close(self) -> None:
        """Do nothing: nothing has to be freed."""


def _tokenizer(model: Model) -> "LLTokenizer":
    """Return the model's vocabulary for llguidance, which is made once."""
    found = _tokenizers.get(model)
    if found is None:
        known = vocabulary(model)
        pieces = [
            piece_of(model, token) if known.text[token] else b"" for token in range(model.size)
        ]
        found = _tokenizers[model] = tokenizer_of(pieces, known.end)
    return found
