"""By how much the buffers of a real load exceeded its plan, recorded by the loading process."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from localqwq.engine.probing.buffer_log import Buffer
from localqwq.hardware.cache_file import CacheFile
from localqwq.hardware.machine import HOST

_CACHE_FILE = "residuals"
_REMEMBERED = 8
"""Loads remembered per place; the largest of them counts."""


@dataclass(frozen=True, slots=True)
class Expected:
    """The plan for one place, for the loading process; sizes in bytes."""

    name: str
    """Name of the device, or ``HOST``."""
    key: str
    """Key of its residuals in the cache."""
    weights: int
    rest: int
    """Size of the KV cache and all other buffers of llama.cpp."""


def residuals() -> dict[str, Any]:
    """Return what was recorded, by key; see :func:`history`."""
    return CacheFile(_CACHE_FILE).read()


def history(recorded: Mapping[str, Any], key: str) -> list[int]:
    """Return the residuals of the last loads in bytes; none if the file is damaged there."""
    found = recorded.get(key, [])
    if isinstance(found, list) and all(type(one) is int for one in found):
        return found
    return []


def record(
    expected: Iterable[Expected], buffers: Iterable[Buffer], names: Mapping[str, str]
) -> dict[str, int]:
    """Record by how many bytes the buffers of each place exceed the plan.

    ``names``: the names of each device's buffers. Returns what was recorded, by place.
    """
    made = list(buffers)
    cached = CacheFile(_CACHE_FILE)
    found = {}
    for place in expected:
        of_place = [one for one in made if _is_of(one, place.name, names)]
        found[place.name] = _taken(of_place) - _planned(place, of_place)
        known = history(cached.read(), place.key)
        cached.write(place.key, [*known, found[place.name]][-_REMEMBERED:])
    return found


def _is_of(buffer: Buffer, place: str, names: Mapping[str, str]) -> bool:
    if place == HOST:
        return not any(_bears(buffer, name) for name in names.values())
    return _bears(buffer, names[place])


def _bears(buffer: Buffer, name: str) -> bool:
    return buffer.name in (name, f"{name}_Mapped")


def _taken(buffers: Sequence[Buffer]) -> int:
    return sum(one.bytes for one in buffers if not _has_mapped_weights(one, buffers))


def _planned(place: Expected, buffers: Sequence[Buffer]) -> int:
    weights = [one for one in buffers if one.kind == "model"]
    if any(_has_mapped_weights(one, buffers) for one in weights):
        return place.rest
    return place.weights + place.rest


def _has_mapped_weights(buffer: Buffer, buffers: Sequence[Buffer]) -> bool:
    """Return whether it contains weights of a place that has mapped ones.

    Mapped buffers span the first to the last tensor in the file and may include those of other
    places and of rearranged copies, so they say nothing about the memory needed.
    """
    return buffer.kind == "model" and any(one.is_mapped for one in buffers)
