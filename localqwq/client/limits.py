"""How long a context may get, as stated by servers."""

from dataclasses import dataclass
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class ContextLimits:
    """Lengths in tokens."""

    tokens: int
    """Current context length."""
    longest: int
    """Length that it may grow to."""
    original: int
    """Trained context; beyond it, positions are scaled."""
    factor: float = 1.0
    """Current scaling factor of positions; 1 for none."""

    @classmethod
    def of(cls, props: Any) -> Self | None:
        """Return the limits in a response to ``GET /props``, ours or llama-server's; None if
        absent.
        """
        try:
            context = props.get("context") or {}
            tokens = context.get("tokens") or props["default_generation_settings"]["n_ctx"]
            longest = context.get("longest") or tokens
            original = context.get("original") or longest
            factor = context.get("rope_factor") or 1.0
            return cls(int(tokens), int(longest), int(original), float(factor))
        except (AttributeError, KeyError, TypeError, ValueError):
            return None
