"""How long a context may get, as servers tell it."""

from dataclasses import dataclass
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class ContextLimits:
    """Lengths in tokens."""

    tokens: int
    """Of the context as it is now."""
    longest: int
    """What it may grow to."""
    original: int
    """What the model was trained for; beyond that, positions are scaled."""
    factor: float = 1.0
    """By which positions are scaled now; 1 for not at all."""

    @classmethod
    def of(cls, props: Any) -> Self | None:
        """From what `GET /props` answers, ours or llama-server's; None where it does not say."""
        try:
            context = props.get("context") or {}
            tokens = context.get("tokens") or props["default_generation_settings"]["n_ctx"]
            longest = context.get("longest") or tokens
            original = context.get("original") or longest
            factor = context.get("rope_factor") or 1.0
            return cls(int(tokens), int(longest), int(original), float(factor))
        except (AttributeError, KeyError, TypeError, ValueError):
            return None
