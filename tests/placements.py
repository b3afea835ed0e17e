"""Plans for a division of layers that nobody would choose, so that each can be tried."""

from collections.abc import Sequence
from dataclasses import replace

from localqwq.gguf.facts import ModelFacts
from localqwq.hardware.machine import Machine
from localqwq.planning.constraints import Constraints
from localqwq.planning.memory import GIB, ContextSettings
from localqwq.planning.placement import gpus
from localqwq.planning.placer import Placer
from localqwq.planning.plan import Plan, plan

_PLENTY = 1024 * GIB


def planned(
    facts: ModelFacts, machine: Machine, settings: ContextSettings, split: Sequence[int]
) -> Plan:
    """The plan with so many layers on each of the machine's devices, however small they are."""
    devices = tuple(replace(device, free=_PLENTY, total=_PLENTY) for device in gpus(machine))
    others = tuple(device for device in machine.devices if device.type == "CPU")
    # Without room to rearrange weights, the host's are those of the file.
    roomy = replace(machine, devices=(*devices, *others), ram_available=_PLENTY, cpu_buffers=())
    wishes = Constraints(settings.context, settings.kv_type, sum(split), parallel=settings.parallel)
    placed = Placer(facts, roomy, settings).loads(split)
    return replace(
        plan(facts, roomy, constraints=wishes),
        gpu_layers=sum(split),
        devices=placed.devices,
        host=placed.host,
        repack=False,
    )
