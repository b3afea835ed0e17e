"""By how much loads have taken more than was planned: margins of the next plans.

A plan is exact as far as llama.cpp is understood. Where it is not – another build, a driver that
rounds sizes up, an architecture with other graphs – the real load shows it: the process that has
loaded a model compares the buffers that llama.cpp made with the plan, place by place.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from typing import Any

from pydantic import BaseModel, TypeAdapter, ValidationError

from localqwq.engine.probing.buffer_log import Buffer
from localqwq.hardware.cache_file import CacheFile
from localqwq.hardware.machine import Machine
from localqwq.planning.compute import Role
from localqwq.planning.memory import bookkeeping_bytes
from localqwq.planning.placement import HOST, Place
from localqwq.planning.plan import Plan

_CACHE_FILE = "residuals"
_REMEMBERED = 8
"""Loads of each place; the largest of them counts."""
_ROUNDING = 64 << 10  # of the sizes that llama.cpp logs, all together
_HISTORY = TypeAdapter(list[int])


class Expected(BaseModel):
    """What a plan says of one place, for the process that loads; sizes in bytes."""

    name: str
    """Of the device, or ``HOST``."""
    key: str
    """Under which its residuals are kept."""
    weights: int
    rest: int
    """Of the KV cache and of all of llama.cpp's other buffers."""


_EXPECTED = TypeAdapter(list[Expected])


def learned_margins(machine: Machine) -> dict[Place, int]:
    """Bytes to leave alone beside the usual margins."""
    cached = CacheFile(_CACHE_FILE).read()
    names = (*(device.name for device in machine.devices), HOST)
    margins = {}
    for place in product(names, Role):
        worst = max(_history(cached, _key(machine, place)), default=0)
        if worst > _ROUNDING:
            margins[place] = worst
    return margins


def expected_of(plan: Plan, machine: Machine) -> str:
    """What :func:`record` needs to know of the plan, as JSON."""
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
    """Keep by how many bytes the buffers of each place are larger than was expected of it.

    ``names``: what the buffers of each device are called. Returns what is kept, by place.
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
    """Whether it holds weights of a place that has some of them mapped.

    Mapped buffers reach from the first to the last tensor in the file and may hold those of other
    places and of rearranged copies in between, so they say nothing about what is needed.
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
