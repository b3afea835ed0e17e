"""Trying whether llguidance can use a grammar."""

import re
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from llguidance import LLMatcher, LLParserLimits, LLTokenizer

MAX_LEXER_STATES = 50_000
"""Each takes about a kilobyte, and they are kept as long as the grammar is."""
_PLACE = re.compile(r"^at \d+\(\d+\): ")
_WRAPPING = "failed to compile JSON schema: "


def problem(grammar: str) -> str:
    """Return why a grammar in Lark's notation cannot be used; empty if it can.

    This can take any time and memory, and end the process: see
    :mod:`localqwq.reasoning.grammar_process`.
    """
    matcher = matcher_of(grammar, bytes_as_tokens())
    if not matcher.is_error():
        matcher.compute_bitmask()
    return problem_of(matcher)


def matcher_of(grammar: str, tokenizer: "LLTokenizer") -> "LLMatcher":
    """Return a matcher at the beginning of a text; its problem is empty if it can be used."""
    from llguidance import LLMatcher

    return LLMatcher(tokenizer, grammar, limits=_limits(), log_level=0)


def problem_of(matcher: "LLMatcher") -> str:
    """Return what has stopped a matcher, in one line; empty if nothing has."""
    if not matcher.is_error():
        return ""
    lines = matcher.get_error().splitlines() or ["it failed"]
    first = _PLACE.sub("", lines[0]).replace(_WRAPPING, "")
    precise = next((line for line in lines if line.startswith("error: ")), first)
    return precise.removeprefix("error: ").rstrip(".")[:300]


def tokenizer_of(pieces: Sequence[bytes], end: int) -> "LLTokenizer":
    """Return a vocabulary of pieces by token id, where an empty one is never allowed.

    ``end`` is a token that ends texts. This takes half a second for 150,000 tokens.
    """
    from llguidance import LLTokenizer, TokenizerWrapper

    return LLTokenizer(
        TokenizerWrapper(_Vocabulary(pieces, end)),
        n_vocab=len(pieces),
        eos_token=[end],
        slices=LLTokenizer.json_slices(),
    )


class _Vocabulary:
    """Tokens in the form that llguidance takes."""

    bos_token_id = None
    special_token_ids: Sequence[int] = ()

    def __init__(self, pieces: Sequence[bytes], end: int) -> None:
        self.tokens, self.eos_token_id = pieces, end

    def __call__(self, text: str | bytes) -> list[int]:
        """Return no tokens: they would be put in, which the grammars forbid."""
        return []


@cache
def bytes_as_tokens() -> "LLTokenizer":
    """Return a vocabulary of single bytes, whose ids they are, and an end."""
    return tokenizer_of([*(bytes((byte,)) for byte in range(256)), b""], 256)


@cache
def _limits() -> "LLParserLimits":
    from llguidance import LLParserLimits

    return LLParserLimits(
        max_lexer_states=MAX_LEXER_STATES,
        precompute_large_lexemes=False,  # that depends on the vocabulary
        verbose_errors=False,
    )
