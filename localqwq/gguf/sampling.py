"""Sampling parameters: values, defaults and precedence."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

INT32_MAX = 2**31 - 1

LIMITS: Mapping[str, tuple[float, float]] = {
    "temperature": (0, 100),
    "top_p": (0, 1),
    "top_k": (-1, INT32_MAX),
    "min_p": (0, 1),
    "typical_p": (0, 1),
    "xtc_probability": (0, 1),
    "xtc_threshold": (0, 1),
    "repeat_penalty": (0.01, 100),
    "repeat_last_n": (-1, INT32_MAX),
    "presence_penalty": (-100, 100),
    "frequency_penalty": (-100, 100),
    "dry_multiplier": (0, 100),
    "dry_base": (1, 100),
    "dry_allowed_length": (0, INT32_MAX),
    "dry_penalty_last_n": (-1, INT32_MAX),
}
"""Minimum and maximum of each number. Within them llama.cpp's 32-bit floats stay finite, so no
sampler ever sorts a NaN.
"""
_WHOLE = {"top_k", "repeat_last_n", "dry_allowed_length", "dry_penalty_last_n"}
MAX_BREAKERS = 16
MAX_BREAKER_BYTES = 40
"""llama.cpp truncates sequence breakers to this length."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """Sampling parameters, under the names of OpenAI and llama-server.

    The defaults of the first six are recommended by QwQ's makers; the others are llama.cpp's, which
    disable the samplers. llama.cpp's default of 0.05 for min-p does not suit QwQ, hence 0 here.
    """

    temperature: float = 0.6
    top_p: float = 0.95
    top_k: int = 40
    min_p: float = 0.0
    repeat_penalty: float = 1.0
    seed: int | None = None
    """Random seed; ``None`` chooses a new one for each request."""
    typical_p: float = 1.0
    xtc_probability: float = 0.0
    xtc_threshold: float = 0.1
    repeat_last_n: int = 64
    """How many recent tokens, the prompt's included, the three penalties consider; -1: all."""
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    dry_multiplier: float = 0.0
    dry_base: float = 1.75
    dry_allowed_length: int = 2
    dry_penalty_last_n: int = 64
    """Tokens that DRY looks back on, including the prompt's; -1 for all."""
    dry_sequence_breakers: tuple[str, ...] = ("\n", ":", '"', "*")

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, Any]) -> Self:
        """Return the model's own values, from the ``general.sampling.*`` keys of its metadata.

        Values outside the limits are left out: they come from a downloaded file.
        """
        names = {
            "temperature": "temp",
            "top_p": "top_p",
            "top_k": "top_k",
            "min_p": "min_p",
            "repeat_penalty": "penalty_repeat",
            "repeat_last_n": "penalty_last_n",
            "xtc_probability": "xtc_probability",
            "xtc_threshold": "xtc_threshold",
        }
        found = {
            # GGUF's 32-bit floats come back as 0.6000000238: six digits are what was meant.
            name: round(metadata[f"general.sampling.{key}"], 6)
            for name, key in names.items()
            if f"general.sampling.{key}" in metadata
        }
        return cls(**{name: value for name, value in found.items() if _allowed(name, value)})

    def override(self, values: Mapping[str, Any]) -> Self:
        """Return these values where given and not ``None``, and the own ones elsewhere."""
        known = {name: value for name, value in values.items() if value is not None}
        return replace(self, **known)

    def as_dict(self) -> dict[str, Any]:
        """Return all values by name, for JSON."""
        return {**asdict(self), "dry_sequence_breakers": list(self.dry_sequence_breakers)}

    def problem(self) -> tuple[str, str] | None:
        """Return the name of a value that llama.cpp must not get, and what it has to be, if any."""
        for name, (low, high) in LIMITS.items():
            if not _allowed(name, getattr(self, name)):
                kind = "whole number" if name in _WHOLE else "number"
                return name, f"must be a {kind} from {low} to {high}"
        if self.seed is not None and not isinstance(self.seed, int):
            return "seed", "must be a whole number"
        breakers = self.dry_sequence_breakers
        if len(breakers) > MAX_BREAKERS or not all(map(_usable_breaker, breakers)):
            return (
                "dry_sequence_breakers",
                f"must be at most {MAX_BREAKERS} texts of 1 to {MAX_BREAKER_BYTES} bytes",
            )
        return None


def _allowed(name: str, value: Any) -> bool:
    low, high = LIMITS[name]
    kinds = int if name in _WHOLE else int | float
    # The comparison is false for NaN, too.
    return isinstance(value, kinds) and not isinstance(value, bool) and low <= value <= high


def _usable_breaker(text: Any) -> bool:
    if not isinstance(text, str) or not text or "\0" in text:
        return False
    return len(text.encode("utf-8", "replace")) <= MAX_BREAKER_BYTES
