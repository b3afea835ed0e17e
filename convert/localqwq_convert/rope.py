"""A model's context length, and the position scaling for it."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import log, pi
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from localqwq.errors import LocalqwqError
from localqwq_convert.known_models import find_known_model
from localqwq_convert.notes import Note, silent
from localqwq_convert.rope_entry import RopeEntry, problem, read_rope_entry

RopeChoice = Literal["yarn", "native"]
"""``yarn``: scaled if the model's makers support it; ``native``: never."""

_OPTIONAL = (
    ("extrapolation_factor", "yarn_ext_factor"),
    ("attn_factor", "yarn_attn_factor"),
    ("attention_factor", "yarn_attn_factor"),
    ("beta_fast", "yarn_beta_fast"),
    ("beta_slow", "yarn_beta_slow"),
)
"""Further YaRN numbers: key in ``config.json``, key in GGUF; later lines take precedence."""


@dataclass(frozen=True, slots=True)
class Yarn:
    """YaRN's parameters (https://arxiv.org/abs/2309.00071)."""

    factor: float
    original_context: int
    """Trained context in tokens."""
    further: tuple[tuple[str, float], ...] = ()
    """GGUF key under ``rope.scaling``, and value."""


@dataclass(frozen=True, slots=True)
class Linear:
    """All positions divided by one number, as in training."""

    factor: float


@dataclass(frozen=True, slots=True)
class Llama3Scaling:
    """Llama 3.1's scaling, as in training: slow rotations become slower."""

    factor: float
    low_frequency_factor: float
    high_frequency_factor: float
    original_context: int
    """Context in tokens that the model was trained with before the scaling."""


@dataclass(frozen=True, slots=True)
class Rope:
    """The GGUF's data about positions."""

    theta: float
    """Base of the rotation frequencies."""
    context: int
    """Largest context in tokens."""
    scaling: Yarn | Linear | Llama3Scaling | None


def read_rope(
    config: Mapping[str, Any],
    choice: RopeChoice,
    what: str,
    *,
    frequency_factors: bool = False,
    note: Note = silent,
) -> Rope:
    """Return the position data of the model described by ``config``.

    Args:
        config: the content of ``config.json``.
        choice: whether YaRN and linear scaling may be used.
        what: the checkpoint's name for errors.
        frequency_factors: whether llama.cpp supports Llama 3.1's scaling in this architecture.
        note: told which parts of the configuration have no effect.

    Raises:
        LocalqwqError: a scaling that llama.cpp does not support, or numbers that make no sense.
    """
    entry = read_rope_entry(config, what)
    parameters = entry.parameters
    theta = _number("rope_theta", entry.theta, what)
    native = _tokens("max_position_embeddings", config.get("max_position_embeddings"), what)
    for share in (config.get("partial_rotary_factor"), parameters.get("partial_rotary_factor")):
        if share not in (None, 1, 1.0):
            raise problem(what, f"llama.cpp does not rotate only {ascii(share)[:40]} of a head")
    is_llama3 = entry.kind == "llama3" and frequency_factors
    if entry.unknown is not None and (is_llama3 or choice != "native"):
        raise _not_understood(what, entry, is_llama3)
    if is_llama3:
        return Rope(theta, native, _read_llama3(config, parameters, what))
    match entry.kind:
        case "default":
            known = find_known_model(config)
            if known is None or choice == "native":
                return Rope(theta, native, None)
            return _scaled(theta, native, Yarn(known.yarn_factor, known.original_context), what)
        case "dynamic":
            note(
                f"The dynamic scaling of positions in {what} is left out: it begins beyond "
                f"{native:,} tokens, and llama.cpp does not compute it."
            )
            return Rope(theta, native, None)
        case "linear":
            if choice == "native":
                return Rope(theta, native, None)
            return Rope(theta, native, Linear(_number("factor", parameters.get("factor"), what)))
        case "yarn":
            if choice == "native":
                return Rope(theta, _unscaled(config, parameters, native, what), None)
            yarn = _read_yarn(config, parameters, native, what)
            _check_yarn_variant(parameters, yarn.factor, what)
            return _scaled(theta, native, yarn, what)
        case "llama3":
            raise problem(what, "llama.cpp does not scale its positions by 'llama3'")
        case str() if choice == "native":
            return Rope(theta, _original(config, parameters, native, what), None)
        case str():
            raise _variant(what, f"{ascii(entry.kind)[:40]} scaling")
        case _:
            raise problem(what, f"its rope_type is {ascii(entry.kind)[:40]}")


def _scaled(theta: float, native: int, yarn: Yarn, what: str) -> Rope:
    scaled = int(yarn.factor * yarn.original_context)
    return Rope(theta, _tokens("context", max(native, scaled), what), yarn)


def _unscaled(
    config: Mapping[str, Any], parameters: Mapping[str, Any], native: int, what: str
) -> int:
    """Return the context without YaRN; ``native`` unless that is already scaled."""
    original, factor = _original(config, parameters, native, what), parameters.get("factor")
    if factor is None:
        return original
    return native if native < int(_number("factor", factor, what) * original) else original


def frequency_factors(scaling: Llama3Scaling, theta: float, head: int) -> NDArray[np.float32]:
    """Return llama.cpp's divisor of each rotation frequency of a head: ``rope_freqs.weight``.

    High frequencies stay, low ones are divided by the factor, and between them it is interpolated
    (``LlamaModel.generate_extra_tensors`` in llama.cpp's ``conversion/llama.py``, in F32 as there).

    Args:
        scaling: the model's scaling.
        theta: base of the rotation frequencies.
        head: length of a head; each pair of its values has one factor.
    """
    f32, one = np.float32, np.float32(1)
    frequencies = one / np.power(f32(theta), np.arange(0, head, 2, dtype=f32) / f32(head))
    # Like torch, multiply by the reciprocal, to match to the last bit.
    wavelengths = f32(2 * pi) * (one / frequencies)
    low, high = f32(scaling.low_frequency_factor), f32(scaling.high_frequency_factor)
    context, factor = f32(scaling.original_context), f32(scaling.factor)
    smooth = np.clip((context * (one / wavelengths) - low) / (high - low), 0, one)
    factors = one / ((one - smooth) / factor + smooth)
    return np.where(wavelengths > context / low, factor, factors).astype(f32)


def _read_yarn(
    config: Mapping[str, Any], parameters: Mapping[str, Any], native: int, what: str
) -> Yarn:
    further = {
        target: _number(source, parameters[source], what)
        for source, target in _OPTIONAL
        if parameters.get(source) is not None
    }
    return Yarn(
        _number("factor", parameters.get("factor"), what),
        _original(config, parameters, native, what),
        tuple(sorted(further.items(), key=lambda item: _GGUF_ORDER.index(item[0]))),
    )


def _original(
    config: Mapping[str, Any], parameters: Mapping[str, Any], native: int | None, what: str
) -> int:
    """Return the trained length; if it is stated twice, the one outside the entry counts."""
    key = "original_max_position_embeddings"
    return _tokens(key, config.get(key) or parameters.get(key) or native, what)


_GGUF_ORDER = list(dict.fromkeys(target for _, target in _OPTIONAL))


def _check_yarn_variant(parameters: Mapping[str, Any], factor: float, what: str) -> None:
    """Check that it is the paper's YaRN: llama.cpp reads no other numbers in these
    architectures.
    """
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


def _variant(what: str, feature: str) -> LocalqwqError:
    return LocalqwqError(
        f"{what} cannot be converted with its scaling of positions: llama.cpp does not compute "
        f"{feature} as its config.json asks for; convert it without, with --rope native."
    )


def _not_understood(what: str, entry: RopeEntry, needed: bool) -> LocalqwqError:
    key = ascii(entry.unknown)[:40]
    way_out = "" if needed else ", or leave the scaling out with --rope native"
    return LocalqwqError(
        f"{what} cannot be converted: its config.json has {key} in its rope entry, which has no "
        f"known meaning for {ascii(entry.kind)[:40]} scaling; remove it there{way_out}."
    )


def _read_llama3(
    config: Mapping[str, Any], parameters: Mapping[str, Any], what: str
) -> Llama3Scaling:
    scaling = Llama3Scaling(
        _number("factor", parameters.get("factor"), what),
        _number("low_freq_factor", parameters.get("low_freq_factor"), what),
        _number("high_freq_factor", parameters.get("high_freq_factor"), what),
        _original(config, parameters, None, what),
    )
    if np.float32(scaling.low_frequency_factor) >= np.float32(scaling.high_frequency_factor):
        raise problem(what, "low_freq_factor is not lower than high_freq_factor")
    return scaling


def _number(key: str, value: Any, what: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 1e-6 < value < 1 << 31:
        raise problem(what, f"{key} is {ascii(value)[:40]}")
    return float(value)


def _tokens(key: str, value: Any, what: str) -> int:
    if type(value) is not int or not 0 < value < 1 << 31:
        raise problem(what, f"{key} is {ascii(value)[:40]}")
    return value
