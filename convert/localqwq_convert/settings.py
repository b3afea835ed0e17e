"""Metadata set by the user: ``KEY=VALUE``, as in ``llama-quantize --override-kv``."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from gguf.constants import GGUFValueType

from localqwq.errors import LocalqwqError
from localqwq_convert.header import Entry, Scalar

_FORM = re.compile(r"([A-Za-z0-9_.-]{1,127})=(?:(int|float|bool|str):)?(.*)", re.DOTALL)
_OWN = (
    "general.architecture",
    "general.alignment",
    "general.file_type",
    "general.quantization_version",
)
"""Keys that identify the file and cannot be set."""
_SAMPLING = "general.sampling."
_INTEGERS = {
    GGUFValueType.UINT8: (0, 1 << 8),
    GGUFValueType.INT8: (-(1 << 7), 1 << 7),
    GGUFValueType.UINT16: (0, 1 << 16),
    GGUFValueType.INT16: (-(1 << 15), 1 << 15),
    GGUFValueType.UINT32: (0, 1 << 32),
    GGUFValueType.INT32: (-(1 << 31), 1 << 31),
    GGUFValueType.UINT64: (0, 1 << 64),
    GGUFValueType.INT64: (-(1 << 63), 1 << 63),
}
_FLOATS = (GGUFValueType.FLOAT32, GGUFValueType.FLOAT64)
_LARGEST_F32 = 3.4028234663852886e38


@dataclass(frozen=True, slots=True)
class Setting:
    """A key and the text of its value."""

    key: str
    kind: str | None
    """``int``, ``float``, ``bool`` or ``str``, if stated."""
    text: str


def parse_setting(text: str) -> Setting:
    """Return the setting meant by ``KEY=VALUE`` or ``KEY=TYPE:VALUE``.

    Raises:
        LocalqwqError: it is malformed, or sets something that the file itself determines.
    """
    match = _FORM.fullmatch(text)
    if match is None:
        raise LocalqwqError(
            f"Cannot read the setting {ascii(text)[:80]}: write KEY=VALUE, such as "
            "general.name=Mine."
        )
    key, kind, value = match.groups()
    if key in _OWN or key.startswith("split."):
        raise LocalqwqError(f"{key} cannot be set: it identifies the file.")
    if "\0" in value:
        raise LocalqwqError(f"{key} cannot hold a zero byte.")
    return Setting(key, kind, value)


def settle(
    settings: Iterable[Setting], types: Mapping[str, GGUFValueType], arrays: Sequence[str]
) -> list[Entry]:
    """Return the entries for settings; the last one for a key counts.

    Args:
        settings: the user's settings.
        types: the types of the file's existing scalars, which are kept.
        arrays: keys whose values are lists, which cannot be set.

    Raises:
        LocalqwqError: an invalid value for a key.
    """
    chosen = {setting.key: setting for setting in settings}
    entries = []
    for setting in chosen.values():
        if setting.key in arrays:
            raise LocalqwqError(f"{setting.key} cannot be set: its value is a list.")
        entries.append(_entry(setting, types.get(setting.key)))
    return entries


def set_sampling(settings: Iterable[Setting]) -> dict[str, int | float]:
    """Return the sampling recommendations among settings, under the manifest's names."""
    found: dict[str, int | float] = {}
    for setting in settings:
        name = setting.key.removeprefix(_SAMPLING)
        value = _value(setting.text, GGUFValueType.FLOAT32)
        if name != setting.key and isinstance(value, float):
            found[name] = int(value) if re.fullmatch(r"[+-]?[0-9]+", setting.text) else value
    return found


def _entry(setting: Setting, known: GGUFValueType | None) -> Entry:
    kind = known if known is not None and setting.kind is None else _guessed(setting)
    value = _value(setting.text, kind)
    if value is None:
        raise LocalqwqError(
            f"{setting.key} cannot be {ascii(setting.text)[:60]}: it is of the type {kind.name}."
        )
    return Entry(setting.key, kind, value)


def _guessed(setting: Setting) -> GGUFValueType:
    """Return the type that llama.cpp's quantizer gives to such a value."""
    text, kind = setting.text, setting.kind
    if kind is None:
        if text in ("true", "false"):
            kind = "bool"
        elif re.fullmatch(r"[+-]?[0-9]{1,20}", text):
            kind = "int"
        elif re.fullmatch(r"[+-]?[0-9]*\.[0-9]+(?:[eE][+-]?[0-9]{1,3})?", text):
            kind = "float"
    if kind == "int":
        return GGUFValueType.INT32 if text.startswith("-") else GGUFValueType.UINT32
    return {"float": GGUFValueType.FLOAT32, "bool": GGUFValueType.BOOL}.get(
        str(kind), GGUFValueType.STRING
    )


def _value(text: str, kind: GGUFValueType) -> Scalar | None:
    """Return the value meant by a text, or ``None`` if the type has no such value."""
    if kind is GGUFValueType.STRING:
        return text
    if kind is GGUFValueType.BOOL:
        return {"true": True, "false": False}.get(text.lower())
    try:
        if kind in _FLOATS:
            number = float(text)
            limit = _LARGEST_F32 if kind is GGUFValueType.FLOAT32 else math.inf
            return number if abs(number) <= limit and math.isfinite(number) else None
        whole = int(text)
    except ValueError:
        return None
    low, high = _INTEGERS[kind]
    return whole if low <= whole < high else None
