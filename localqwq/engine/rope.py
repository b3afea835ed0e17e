"""Rope scaling by need: none while the context is short, the smallest factor beyond."""

from dataclasses import dataclass
from typing import Literal

from localqwq.errors import LocalqwqError
from localqwq.gguf.facts import ModelFacts


@dataclass(frozen=True, slots=True)
class RopeScaling:
    """How positions are scaled for one context."""

    kind: Literal["model", "none", "yarn"]
    """``model``: as the file says."""
    factor: float = 1.0
    original_context: int = 0


def rope_scaling(facts: ModelFacts, context: int) -> RopeScaling:
    """What a context of so many tokens needs.

    YaRN at a fixed factor costs quality on short text (the model's makers say so), hence none at
    all up to the original context. Raises :class:`LocalqwqError` beyond what the model covers.
    """
    longest = facts.longest_context
    if context > longest:
        raise LocalqwqError(
            f"A context of {context} tokens is longer than {facts.name} can use; "
            f"choose at most {longest}."
        )
    if facts.rope_scaling != "yarn":
        return RopeScaling("model")
    original = facts.rope_original_context
    if context <= original:
        return RopeScaling("none")
    return RopeScaling("yarn", context / original, original)
