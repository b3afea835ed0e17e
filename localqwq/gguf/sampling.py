"""How tokens are chosen: the values, their defaults and who overrides whom."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Sampling:
    """Sampling parameters; the defaults are what QwQ's makers recommend for it.

    llama.cpp's own default of 0.05 for min-p does not suit QwQ, hence 0 here.
    """

    temperature: float = 0.6
    top_p: float = 0.95
    top_k: int = 40
    min_p: float = 0.0
    repeat_penalty: float = 1.0
    seed: int | None = None
    """``None`` draws a new one for each request."""

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, Any]) -> Self:
        """The model's own values, from the ``general.sampling.*`` keys of its GGUF metadata."""
        names = {
            "temperature": "temp",
            "top_p": "top_p",
            "top_k": "top_k",
            "min_p": "min_p",
            "repeat_penalty": "penalty_repeat",
        }
        found = {
            # GGUF's 32-bit floats come back as 0.6000000238: six digits are what was meant.
            name: round(metadata[f"general.sampling.{key}"], 6)
            for name, key in names.items()
            if f"general.sampling.{key}" in metadata
        }
        return cls(**found)

    def override(self, values: Mapping[str, Any]) -> Self:
        """These values where given and not ``None``, the own ones elsewhere."""
        known = {name: value for name, value in values.items() if value is not None}
        return replace(self, **known)

    def as_dict(self) -> dict[str, Any]:
        """All values by name, for JSON."""
        return asdict(self)
