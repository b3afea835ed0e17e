"""How far a model's positions reach, and the YaRN scaling that takes them there."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from localqwq.errors import LocalqwqError

RopeChoice = Literal["yarn", "native"]
"""``yarn``: scaling where the model's makers support it; ``native``: never."""

_QWQ_32B = {
    "hidden_size": 5120,
    "intermediate_size": 27648,
    "max_position_embeddings": 40960,
    "num_attention_heads": 40,
    "num_hidden_layers": 64,
    "num_key_value_heads": 8,
    "vocab_size": 152064,
}
"""QwQ-32B's own numbers; its ``config.json`` leaves YaRN out, its model card recommends it."""

_OPTIONAL = {
    "ext_factor": "yarn_ext_factor",
    "attn_factor": "yarn_attn_factor",
    "attention_factor": "yarn_attn_factor",
    "beta_fast": "yarn_beta_fast",
    "beta_slow": "yarn_beta_slow",
}
"""Further YaRN numbers: key in ``config.json``, key in GGUF."""


@dataclass(frozen=True, slots=True)
class Yarn:
    """YaRN's parameters (https://arxiv.org/abs/2309.00071)."""

    factor: float
    original_context: int
    """Tokens the model was trained with."""
    further: tuple[tuple[str, float], ...] = ()
    """GGUF key under ``rope.scaling`` and value."""


@dataclass(frozen=True, slots=True)
class Rope:
    """What the GGUF says about positions."""

    theta: float
    """Base of the rotation frequencies."""
    context: int
    """Largest context in tokens."""
    yarn: Yarn | None


def read_rope(config: Mapping[str, Any], choice: RopeChoice, what: str) -> Rope:
    """The positions of the model that ``config`` describes; ``what`` is its name for errors.

    Raises:
        LocalqwqError: a scaling other than YaRN, or numbers that make no sense.
    """
    parameters = config.get("rope_parameters") or config.get("rope_scaling") or {}
    if not isinstance(parameters, dict):
        raise _problem(what, "its rope scaling is no JSON object")
    theta = _number(config.get("rope_theta", parameters.get("rope_theta", 10000.0)), what)
    native = _tokens(config.get("max_position_embeddings"), what)
    yarn = _yarn(config, parameters, native, what)
    if yarn is None:
        return Rope(theta, native, None)
    scaled = int(yarn.factor * yarn.original_context)
    if choice == "native":
        # Some configurations already name the scaled context.
        return Rope(theta, native if native < scaled else yarn.original_context, None)
    return Rope(theta, _tokens(max(native, scaled), what), yarn)


def _yarn(
    config: Mapping[str, Any], parameters: Mapping[str, Any], native: int, what: str
) -> Yarn | None:
    kind = parameters.get("rope_type", parameters.get("type", "default"))
    if kind == "yarn":
        further = {
            target: _number(parameters[source], what)
            for source, target in _OPTIONAL.items()
            if parameters.get(source) is not None
        }
        original = parameters.get("original_max_position_embeddings", native)
        return Yarn(
            _number(parameters.get("factor"), what),
            _tokens(original, what),
            tuple(further.items()),
        )
    if kind != "default":
        raise _problem(what, f"it scales its positions with {ascii(kind)[:40]}, not with yarn")
    if all(config.get(key) == value for key, value in _QWQ_32B.items()):
        return Yarn(4.0, 32768)
    return None


def _number(value: Any, what: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1 << 31:
        raise _problem(what, f"a number about its positions is {ascii(value)[:40]}")
    return float(value)


def _tokens(value: Any, what: str) -> int:
    if type(value) is not int or not 0 < value < 1 << 31:
        raise _problem(what, f"a context length is {ascii(value)[:40]}")
    return value


def _problem(what: str, problem: str) -> LocalqwqError:
    return LocalqwqError(f"{what} cannot be converted: {problem}; check its config.json.")
