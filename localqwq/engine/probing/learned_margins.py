"""By how much loads exceeded their plans: margins for the next plans.

A plan is exact as far as llama.cpp is understood. Where it is not – another build, a driver that
rounds sizes up, an architecture with other graphs – the real load shows it: the process that loads
a model compares the buffers that llama.cpp created with the plan, place by place.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

from localqwq.engine.probing.residuals import Expected, history, residuals
from localqwq.hardware.machine import HOST
from localqwq.planning.compute import Role
from localqwq.planning.memory import bookkeeping_bytes

if TYPE_CHECKING:
    from localqwq.hardware.machine import Machine
    from localqwq.planning.placement import Place
    from localqwq.planning.plan import Plan

_ROUNDING = 64 << 10  # of all logged sizes together


def learned_margins(machine: Machine) -> dict[Place, int]:
    """Return the bytes to keep free besides the usual margins."""
    recorded = residuals()
    names = (*(device.name for device in machine.devices), HOST)
    margins = {}
    for place in product(names, Role):
        worst = max(history(recorded, _key(machine, place)), default=0)
        if worst > _ROUNDING:
            margins[place] = worst
    return margins


def expected_of(plan: Plan, machine: Machine) -> tuple[Expected, ...]:
    """Return the part of the plan that the loading process compares its buffers with."""
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
    return tuple(places)


def _key(machine: Machine, place: Place) -> str:
    name, role = place
    described = {device.name: device.description for device in machine.devices}
    build = " ".join([machine.llama_cpp or "", *machine.backends])
    return f"{build}: {name} {described.get(name, machine.cpu_name)}, {role}"
