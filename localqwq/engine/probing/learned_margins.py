"""By how much loads exceeded their plans: margins for the next plans.

A plan is exact as far as llama.cpp is understood. Where it is not – another build, a driver that
rounds sizes up, an architecture with other graphs – the real load shows it: the process that loads
a model compares the buffers that llama.cpp created with the plan, place by place.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, TypeAdapter, ValidationError

from localqwq.engine.probing.buffer_log import Buffer
from localqwq.hardware.cache_file import CacheFile
from localqwq.planning.compute import Role
from localqwq.planning.memory import bookkeeping_bytes
from localqwq.planning.placement import HOST, Place

if TYPE_CHECKING:
    from localqwq.hardware.machine import Machine
    from localqwq.planning.plan import Plan

_CACHE_FILE = "residuals"
_REMEMBERED = 8
"""Loads remembered per place; the largest of them counts."""
_ROUNDING = 64 << 10  # of all logged sizes together
_HISTORY = TypeAdapter(list[int])


class Expected(BaseModel):
    """The plan for one place, for the loading process; sizes in bytes."""

    name: str
    """Name of the device, or ``HOST``."""
    key: str
    """Key of its residuals in the cache."""
    weights: int
    rest: int
    """Size of the KV cache and all other buffers of llama.cpp."""


_EXPECTED = TypeAdapter(list[Expected])


def learned_margins(machine: Machine) -> dict[Place, int]:
    """Return the bytes to keep free besides the usual margins."""
    cached = CacheFile(_CACHE_FILE).read()
    names = (*(device.name for device in machine.devices), HOST)
    margins = {}
    for place in product(names, Role):
        worst = max(_history(cached, _key(machine, place)), default=0)
        if worst > _ROUNDING:
            margins[place] = worst
    return margins


def expected_of(plan: Plan, machine: Machine) -> str:
    """Return the part of the plan that :func:`record` needs, as JSON."""
    places = [
        Expected(
            name=load.name,
            key=_key(machine, load.place),
            weights=load.weights,
            rest=load.used - load.weights,
        )
        for load in plan.devices
        if load.layers
    ]
    host = plan.host
    beside = bookkeeping_bytes(plan.facts, plan.settings)
    rest = host.used - host.weights - beside
    key = _key(machine, host.place)
    places.append(Expected(name=HOST, key=key, weights=host.weights, rest=rest))
    return _EXPECTED.dump_json(places).decode()


def record(expected: str, buffers: Iterable[Buffer], names: Mapping[str, str]) -> dict[str, int]:
    """Record by how many bytes the buffers of each place exceed the plan.

    ``names``: the names of each device's buffers. Returns what was recorded, by place.
    """
    made = list(buffers)
    places = _EXPECTED.validate_json(expected)
    cached = CacheFile(_CACHE_FILE)
    residuals = {}
    for place in places:
        of_place = [one for one in made if _is_of(one, place.name, names)]
        residuals[place.name] = _taken(of_place) - _planned(place, of_place)
        history = _history(cached.read(), place.key)
        cached.write(place.key, [*history, residuals[place.name]][-_REMEMBERED:])
    return residuals


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


def _key(machine: Machine, place: Place) -> str:
    name, role = place
    described = {device.name: device.description for device in machine.devices}
    build = " ".join([machine.llama_cpp or "", *machine.backends])
    return f"{build}: {name} {described.get(name, machine.cpu_name)}, {role}"


def _history(cached: Mapping[str, Any], key: str) -> list[int]:
    try:
        return _HISTORY.validate_python(cached.get(key, []))
    except ValidationError:
        return []
