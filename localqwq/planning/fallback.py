"""The next plan down, after a load failed although its plan fits."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from localqwq.gguf.facts import ModelFacts
from localqwq.hardware.machine import HOST, Machine
from localqwq.planning.compute import Role
from localqwq.planning.constraints import Constraints
from localqwq.planning.memory import device_margin, host_margin
from localqwq.planning.placement import gpus
from localqwq.planning.plan import Plan, plan

_PARTS = 8
"""A failed load is reduced by at least one of this many parts."""


def plan_down(
    failed: Plan,
    machine: Machine,
    *,
    constraints: Constraints | None = None,
    short: Collection[str] = (HOST,),
    smaller: Sequence[ModelFacts] = (),
) -> Plan | None:
    """Return the best plan, by ``STEPS``, that needs an eighth less where memory was short.

    A requested context is kept as long as something other than the quantization can be given up.
    ``None``: nothing is left to give up.

    Args:
        failed: the plan whose load failed.
        machine: the machine as it is now.
        constraints: the constraints of ``failed``.
        short: names of the devices whose memory was short, or ``HOST``.
        smaller: other quantizations of the model, the largest first.
    """
    constraints = constraints or Constraints()
    margins = dict(failed.margins)
    taken = {load.name: load.used for load in (*failed.devices, failed.host) if load.used}
    if not set(short) & set(taken):
        return None
    for name, room in _rooms(constraints.of(machine), constraints.reserve):
        if name in short and name in taken:
            most = taken[name] * (_PARTS - 1) // _PARTS
            for role in Role:
                margins[name, role] = max(margins.get((name, role), 0), room - most)
    attempts = (
        [constraints]
        if constraints.context is None
        else [constraints, replace(constraints, context=None)]
    )
    found = (
        plan(facts, machine, constraints=one, margins=margins)
        for facts in (failed.facts, *smaller)
        for one in attempts
    )
    return next((one for one in found if one.fits), None)


def changes(before: Plan, after: Plan) -> str:
    """Return the differences for people: ``with the KV cache in Q8_0 instead of F16``."""
    parts = []
    if before.facts.quant != after.facts.quant:
        parts.append(f"the quantization {after.facts.quant} instead of {before.facts.quant}")
    if before.context != after.context:
        parts.append(f"a context of {after.context:,} tokens instead of {before.context:,}")
    if before.kv_type != after.kv_type:
        parts.append(f"the KV cache in {after.kv_type.upper()} instead of {before.kv_type.upper()}")
    if before.gpu_layers != after.gpu_layers:
        parts.append(f"{after.gpu_layers} instead of {before.gpu_layers} layers on devices")
    elif before.tensor_split != after.tensor_split:
        parts.append("the layers divided differently among the devices")
    if before.repack and not after.repack:
        parts.append("the weights as they are in the file")
    *others, last = parts or ["less memory"]
    return f"with {', '.join(others)} and {last}" if others else f"with {last}"


def _rooms(machine: Machine, reserve: int | None) -> Iterator[tuple[str, int]]:
    """Yield the bytes left of each place by the usual margins or the reserve."""
    for device in gpus(machine):
        margin = device_margin(device.free, device.total)
        yield device.name, device.free - (margin if reserve is None else reserve)
    margin = host_margin(machine.ram_available, machine.ram_total)
    yield HOST, machine.ram_available - (margin if reserve is None else reserve)
