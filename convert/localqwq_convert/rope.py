"""How far a model's positions reach, and the scaling that takes them there."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import log, pi
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from localqwq.errors import LocalqwqError
from localqwq_convert.known_models import find_known_model

RopeChoice = Literal["yarn", "native"]
"""``yarn``: YaRN where the model's makers support it; ``native``: never."""

_OPTIONAL = (
    ("extrapolation_factor", "yarn_ext_factor"),
    ("attn_factor", "yarn_attn_factor"),
    ("attention_factor", "yarn_attn_factor"),
    ("beta_fast", "yarn_beta_fast"),
    ("beta_slow", "yarn_beta_slow"),
)
"""Further YaRN numbers: key in ``config.json``, key in GGUF; the later line wins."""


@dataclass(frozen=True, slots=True)
class Yarn:
    """YaRN's parameters (https://arxiv.org/abs/2309.00071)."""

    factor: float
    original_context: int
    """Tokens the model was trained with."""
    further: tuple[tuple[str, float], ...] = ()
    """GGUF key under ``rope.scaling`` and value."""


@dataclass(frozen=True, slots=True)
class Llama3Scaling:
    """Llama 3.1's scaling, which the model was trained with: slow rotations become slower."""

    factor: float
    low_frequency_factor: float
    high_frequency_factor: float
    original_context: int
    """Tokens that the model was trained with before the scaling."""


@dataclass(frozen=True, slots=True)
class Rope:
    """What the GGUF says about positions."""

    theta: float
    """Base of the rotation frequencies."""
    context: int
    """Largest context in tokens."""
    scaling: Yarn | Llama3Scaling | None


def read_rope(
    config: Mapping[str, Any], choice: RopeChoice, what: str, *, frequency_factors: bool = False
) -> Rope:
    """The positions of the model that ``config`` describes.

    Args:
        config: the content of ``config.json``.
        choice: whether YaRN may be used.
        what: the checkpoint's name for errors.
        frequency_factors: whether llama.cpp can compute Llama 3.1's scaling in this architecture.

    Raises:
        LocalqwqError: a scaling that llama.cpp does not compute, or numbers that make no sense.
    """
    parameters = config.get("rope_parameters") or config.get("rope_scaling") or {}
    if not isinstance(parameters, dict):
        raise _problem(what, "its rope scaling is no JSON object")
    theta = config.get("rope_theta", parameters.get("rope_theta", 10000.0))
    theta = _number("rope_theta", theta, what)
    native = _tokens("max_position_embeddings", config.get("max_position_embeddings"), what)
    kind = parameters.get("rope_type", parameters.get("type", "default"))
    if kind == "llama3" and frequency_factors:
        return Rope(theta, native, _read_llama3(parameters, what))
    yarn: Yarn | None
    if kind == "yarn":
        yarn = _read_yarn(config, parameters, native, what)
    elif kind == "default":
        known = find_known_model(config)
        yarn = Yarn(known.yarn_factor, known.original_context) if known else None
    else:
        raise _problem(what, f"llama.cpp does not scale its positions by {ascii(kind)[:40]}")
    if yarn is None:
        return Rope(theta, native, None)
    scaled = int(yarn.factor * yarn.original_context)
    if choice == "native":
        # Some configurations already name the scaled context.
        return Rope(theta, native if native < scaled else yarn.original_context, None)
    if kind == "yarn":
        _check_yarn_variant(parameters, yarn.factor, what)
    return Rope(theta, _tokens("context", max(native, scaled), what), yarn)


def frequency_factors(scaling: Llama3Scaling, theta: float, head: int) -> NDArray[np.float32]:
    """What llama.cpp divides each rotation frequency of a head by: ``rope_freqs.weight``.

    High frequencies stay, low ones are divided by the factor, and between them it is interpolated
    (``LlamaModel.generate_extra_tensors`` in llama.cpp's ``conversion/llama.py``, in F32 as there).

    Args:
        scaling: the model's scaling.
        theta: base of the rotation frequencies.
        head: length of a head; there is a factor for each pair of its values.
    """
    f32, one = np.float32, np.float32(1)
    frequencies = one / np.power(f32(theta), np.arange(0, head, 2, dtype=f32) / f32(head))
    # Multiplying with the reciprocal is how torch divides a number, to the last bit.
    wavelengths = f32(2 * pi) * (one / frequencies)
    low, high = f32(scaling.low_frequency_factor), f32(scaling.high_frequency_factor)
    context, factor = f32(scaling.original_context), f32(scaling.factor)
    smooth = np.clip((context * (one / wavelengths) - low) / (high - low), 0, one)
    factors = one / ((one - smooth) / factor + smooth)
    return np.where(wavelengths > context / low, factor, factors).astype(f32)


def _read_yarn(
    config: Mapping[str, Any], parameters: Mapping[str, Any], native: int, what: str
) -> Yarn:
    key = "original_max_position_embeddings"
    original = parameters.get(key) or config.get(key) or native
    further = {
        target: _number(source, parameters[source], what)
        for source, target in _OPTIONAL
        if parameters.get(source) is not None
    }
    return Yarn(
        _number("factor", parameters.get("factor"), what),
        _tokens(key, original, what),
        tuple(sorted(further.items(), key=lambda item: _GGUF_ORDER.index(item[0]))),
    )


_GGUF_ORDER = list(dict.fromkeys(target for _, target in _OPTIONAL))


def _check_yarn_variant(parameters: Mapping[str, Any], factor: float, what: str) -> None:
    """See that it is the paper's YaRN: llama.cpp reads no other numbers in these architectures."""
    usual = {
        "beta_fast": 32.0,
        "beta_slow": 1.0,
        "attention_factor": 0.1 * log(max(factor, 1.0)) + 1.0,
    }
    for key, value in usual.items():
        found = parameters.get(key)
        if found is not None and abs(_number(key, found, what) - value) > 1e-3:
            raise _variant(what, key)
    for key in ("mscale", "mscale_all_dim"):
        if parameters.get(key):
            raise _variant(what, key)
    if parameters.get("truncate") is False:
        raise _variant(what, "truncate")


def _variant(what: str, key: str) -> LocalqwqError:
    return LocalqwqError(
        f"{what} cannot be converted with its YaRN: llama.cpp does not compute the variant that "
        f"{key} in its config.json asks for; convert it with --rope native."
    )


def _read_llama3(parameters: Mapping[str, Any], what: str) -> Llama3Scaling:
    original = "original_max_position_embeddings"
    scaling = Llama3Scaling(
        _number("factor", parameters.get("factor"), what),
        _number("low_freq_factor", parameters.get("low_freq_factor"), what),
        _number("high_freq_factor", parameters.get("high_freq_factor"), what),
        _tokens(original, parameters.get(original), what),
    )
    if np.float32(scaling.low_frequency_factor) >= np.float32(scaling.high_frequency_factor):
        raise _problem(what, "low_freq_factor is no lower than high_freq_factor")
    return scaling


def _number(key: str, value: Any, what: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 1e-6 < value < 1 << 31:
        raise _problem(what, f"{key} is {ascii(value)[:40]}")
    return float(value)


def _tokens(key: str, value: Any, what: str) -> int:
    if type(value) is not int or not 0 < value < 1 << 31:
        raise _problem(what, f"{key} is {ascii(value)[:40]}")
    return value


def _problem(what: str, problem: str) -> LocalqwqError:
    return LocalqwqError(f"{what} cannot be converted: {problem}; check its config.json.")
