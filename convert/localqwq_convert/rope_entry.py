"""The entry about positions in a ``config.json``, wherever it was put.

Transformers 5 writes ``rope_parameters``, older versions ``rope_scaling`` beside ``rope_theta``,
and people paste the second into files that have the first. Which one counts is decided here as in
Transformers.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from localqwq.errors import LocalqwqError

DEFAULT_THETA = 10000.0
"""Base of the rotation frequencies if a configuration states none, in all these families."""

_FULL = "full_attention"
"""The kind of layer whose positions count: models with other kinds are rejected."""
_COMMON = ("rope_type", "type", "rope_theta", "partial_rotary_factor")
_YARN = (
    "factor",
    "original_max_position_embeddings",
    "extrapolation_factor",
    "attention_factor",
    "attn_factor",
    "beta_fast",
    "beta_slow",
    "mscale",
    "mscale_all_dim",
    "truncate",
    "finetuned",
)
_LLAMA3 = ("factor", "low_freq_factor", "high_freq_factor", "original_max_position_embeddings")
_UNDERSTOOD: Mapping[str, tuple[str, ...]] = {
    "default": (),
    "linear": ("factor",),
    "dynamic": ("factor", "original_max_position_embeddings"),
    "yarn": _YARN,
    "llama3": _LLAMA3,
}
"""Further supported keys, by the kind of scaling."""


@dataclass(frozen=True, slots=True)
class RopeEntry:
    """A configuration's data about positions."""

    kind: Any
    """The kind of scaling; any JSON value, since configurations can contain anything."""
    theta: Any
    """Base of the rotation frequencies, unchecked like all other values."""
    parameters: Mapping[str, Any]

    @property
    def unknown(self) -> str | None:
        """A key with a value but no meaning for this kind of scaling, if the kind is known."""
        if not isinstance(self.kind, str) or self.kind not in _UNDERSTOOD:
            return None
        understood = (*_COMMON, *_UNDERSTOOD[self.kind])
        return next(
            (
                key
                for key, value in self.parameters.items()
                if key not in understood and value is not None
            ),
            None,
        )


def read_rope_entry(config: Mapping[str, Any], what: str) -> RopeEntry:
    """Return the entry that counts: ``rope_scaling`` before ``rope_parameters``.

    Args:
        config: the content of ``config.json``.
        what: the checkpoint's name for errors.

    Raises:
        LocalqwqError: the entry is not a JSON object, or describes several kinds of layers
            without the one that counts.
    """
    entries = [config.get(key) or {} for key in ("rope_scaling", "rope_parameters")]
    if not all(isinstance(entry, dict) for entry in entries):
        raise problem(what, "its rope scaling is not a JSON object")
    scaling, parameters = (_of_full_attention(entry, what) for entry in entries)
    chosen = scaling or parameters
    # Transformers would use 10,000 for a pasted scaling without a base, but the model's own base,
    # which it was trained with, is right beside it.
    thetas = (chosen.get("rope_theta"), config.get("rope_theta"), parameters.get("rope_theta"))
    theta = next((theta for theta in thetas if theta is not None), DEFAULT_THETA)
    return RopeEntry(chosen.get("rope_type", chosen.get("type", "default")), theta, chosen)


def stated_theta(config: Mapping[str, Any]) -> Any:
    """Return the base stated in ``config``, or ``None`` if its entry makes no sense."""
    try:
        return read_rope_entry(config, "").theta
    except LocalqwqError:
        return None


def _of_full_attention(entry: Mapping[str, Any], what: str) -> Mapping[str, Any]:
    """Return the part of an entry about ordinary layers, usually all of it."""
    nested = [key for key, value in entry.items() if isinstance(value, dict)]
    if not nested:
        return entry
    chosen = entry.get(_FULL)
    if not isinstance(chosen, dict):
        raise problem(what, f"its rope entry is for {ascii(nested[0])[:40]} and not for {_FULL}")
    beside = next((key for key in entry if key not in nested and entry[key] is not None), None)
    if beside is not None:
        raise problem(what, f"its rope entry has {ascii(beside)[:40]} beside {_FULL}")
    return chosen


def problem(what: str, text: str) -> LocalqwqError:
    """Return the error for a configuration that cannot be converted because of its positions."""
    return LocalqwqError(f"{what} cannot be converted: {text}; check its config.json.")
