"""Rope scaling on demand: none for short contexts, the smallest sufficient factor for longer
ones.
"""

from dataclasses import dataclass
from typing import Literal

from localqwq.engine.load_options import RopeMode
from localqwq.errors import LocalqwqError
from localqwq.gguf.facts import ModelFacts

_STEPS = (1.25, 1.5, 2.0, 2.5, 3.0, 4.0)
"""YaRN factors to choose from as a conversation grows; each change processes all of it again."""
_SPARE = 4096
"""Tokens beyond those needed now, so that the next turn fits too."""


@dataclass(frozen=True, slots=True)
class RopeScaling:
    """How positions are scaled in one context."""

    kind: Literal["model", "none", "yarn"]
    """``model`` means as the file says."""
    factor: float = 1.0
    original_context: int = 0


def rope_scaling(facts: ModelFacts, context: int, mode: RopeMode = "auto") -> RopeScaling:
    """Return the scaling for a context of this many tokens.

    YaRN with a fixed factor reduces quality on short text (as the model's makers say), so there is
    none up to the original context. Raises :class:`LocalqwqError` if the context is longer than the
    model supports.
    """
    longest = longest_context(facts, mode)
    if context > longest:
        way_out = f"choose at most {longest}"
        if longest < facts.longest_context:
            way_out += ", or allow rope scaling (--rope auto)"
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
    """Return the longest context that the model supports, in tokens."""
    if mode == "off" and facts.rope_scaling == "yarn":
        return facts.rope_original_context
    return facts.longest_context


def grown_context(facts: ModelFacts, needed: int, longest: int) -> int:
    """Return the context to switch to, in tokens, when ``needed`` exceeds the current one.

    Unscaled while that is enough, then with the smallest factor that leaves some room; at most
    ``longest``.
    """
    wished = needed + min(_SPARE, needed // 4)
    if facts.rope_scaling != "yarn":
        return min(longest, max(wished, 2 * needed))
    original = facts.rope_original_context
    if needed <= original:
        return min(longest, original)
    sizes = [int(original * step) for step in _STEPS]
    return min(longest, next((size for size in sizes if size >= wished), longest))
