"""Rope scaling by need: none while the context is short, the smallest factor beyond."""

from dataclasses import dataclass
from typing import Literal

from localqwq.errors import LocalqwqError
from localqwq.gguf.facts import ModelFacts

RopeMode = Literal["auto", "on", "off"]
"""``auto``: scaled only where the context is longer than what the model was trained for; ``on``:
always, as the model's file says; ``off``: never, so that longer contexts are refused."""

_STEPS = (1.25, 1.5, 2.0, 2.5, 3.0, 4.0)
"""Factors of YaRN to choose from as a conversation grows: each change reads all of it again."""
_SPARE = 4096
"""Tokens beyond the ones that are needed now, so that the next turn fits as well."""


@dataclass(frozen=True, slots=True)
class RopeScaling:
    """How positions are scaled for one context."""

    kind: Literal["model", "none", "yarn"]
    """``model``: as the file says."""
    factor: float = 1.0
    original_context: int = 0


def rope_scaling(facts: ModelFacts, context: int, mode: RopeMode = "auto") -> RopeScaling:
    """What a context of so many tokens needs.

    YaRN at a fixed factor costs quality on short text (the model's makers say so), hence none at
    all up to the original context. Raises :class:`LocalqwqError` beyond what the model covers.
    """
    longest = longest_context(facts, mode)
    if context > longest:
        way_out = f"choose at most {longest}"
        if longest < facts.longest_context:
            way_out += ", or let rope scaling be on (--rope auto)"
        raise LocalqwqError(
            f"A context of {context} tokens is longer than {facts.name} can use; {way_out}."
        )
    if facts.rope_scaling != "yarn":
        return RopeScaling("model")
    original = facts.rope_original_context
    if mode == "on":
        return RopeScaling("yarn", max(facts.rope_factor, context / original), original)
    if context <= original:
        return RopeScaling("none")
    return RopeScaling("yarn", context / original, original)


def longest_context(facts: ModelFacts, mode: RopeMode) -> int:
    """Tokens of the longest context that the model covers."""
    if mode == "off" and facts.rope_scaling == "yarn":
        return facts.rope_original_context
    return facts.longest_context


def grown_context(facts: ModelFacts, needed: int, longest: int) -> int:
    """Tokens of the context to change to, where ``needed`` are more than there are.

    Unscaled as long as that is enough, then at the smallest of a few factors that leaves some room
    to go on; at most ``longest``.
    """
    wished = needed + min(_SPARE, needed // 4)
    if facts.rope_scaling != "yarn":
        return min(longest, max(wished, 2 * needed))
    original = facts.rope_original_context
    if needed <= original:
        return min(longest, original)
    sizes = [int(original * step) for step in _STEPS]
    return min(longest, next((size for size in sizes if size >= wished), longest))
