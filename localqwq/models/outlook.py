"""The one place that plans for this machine.

Lists, advice and starts give the same answer because they all ask here: with the same devices,
speeds, margins learned from earlier loads and answers of earlier dry loads.
"""

import contextlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, Self

from localqwq.engine.probing.confirm_plan import confirm, confirm_by_known_loads
from localqwq.engine.probing.learned_margins import learned_margins
from localqwq.engine.probing.speeds import known_speeds, with_speeds
from localqwq.errors import LocalqwqError
from localqwq.gguf.facts import ModelFacts, read_facts
from localqwq.gguf.usual import USUAL_QUANT
from localqwq.hardware.machine import Device, Machine, detect
from localqwq.planning.constraints import Constraints
from localqwq.planning.placement import Load, Place, gpus
from localqwq.planning.plan import Plan, plan

Measure = Literal["if needed", "if quiet", "always"]
"""When unknown speeds are measured: where they decide which device holds a model; also on a machine
with nothing else to do, for estimates; or in any case, which takes a second or two per device."""

_SYSTEM_BYTES, _SYSTEM_SHARE = 2 << 30, 8
"""What the system and a few programs take of main memory: so much, or that part of it if more."""
_SCREEN_BYTES, _SCREEN_SHARE = 512 << 20, 32
"""The same of a device's memory."""
_BUSY = 0.5
"""Processes that want to run, for each logical processor."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """A machine, and how models would be loaded on it."""

    machine: Machine
    margins: Mapping[Place, int] = field(default_factory=dict)
    """Bytes to leave alone beside the usual margins, learned from real loads."""
    is_here: bool = False
    """Whether it is this machine, of which there are notes of measurements and dry loads."""

    def plan(
        self,
        facts: ModelFacts,
        constraints: Constraints | None = None,
        smaller: Sequence[ModelFacts] = (),
    ) -> Plan:
        """Return how a model would be loaded; nothing is run for that.

        Args:
            facts: the model.
            constraints: what is to be kept to.
            smaller: other quantizations of the model, should this one not fit.

        Raises:
            LocalqwqError: the model cannot do what was wished on any machine.
        """
        machine = self._for(facts.quant)
        found = plan(facts, machine, constraints=constraints, smaller=smaller, margins=self.margins)
        if self.is_here:
            found = confirm_by_known_loads(found, machine, constraints=constraints, smaller=smaller)
        return found

    def confirmed(
        self,
        facts: ModelFacts,
        constraints: Constraints | None = None,
        smaller: Sequence[ModelFacts] = (),
    ) -> Plan:
        """Return what :meth:`plan` does, confirmed by a dry load through llama.cpp.

        Raises:
            LocalqwqError: as :meth:`plan`, or llama.cpp cannot load the model.
        """
        found = self.plan(facts, constraints, smaller)
        return confirm(found, self._for(facts.quant), constraints=constraints, smaller=smaller)

    def plan_file(self, path: Path) -> Plan | None:
        """Return how a file would be loaded; ``None`` where it is damaged or gone."""
        with contextlib.suppress(LocalqwqError):  # loading or verifying it says how
            return self.plan(read_facts(path))
        return None

    def fits(self, path: Path) -> bool:
        """Return whether a file can be loaded."""
        found = self.plan_file(path)
        return found is not None and found.fits

    def at_rest(self) -> Self:
        """Return the outlook of the same machine while nothing but the system takes memory.

        What is chosen once and kept, such as a download, goes by that and not by this moment.
        """
        machine = self.machine
        ram = machine.ram_total - max(_SYSTEM_BYTES, machine.ram_total // _SYSTEM_SHARE)
        return replace(
            self,
            machine=replace(
                machine,
                ram_available=max(machine.ram_available, ram),
                devices=tuple(map(_at_rest, machine.devices)),
            ),
            is_here=False,  # its notes are about the memory that is free now
        )

    def _for(self, quant: str) -> Machine:
        """Return the machine with the speeds of this quantization, where all of them are known."""
        return known_speeds(self.machine, quant) or self.machine if self.is_here else self.machine


def look(
    *, held: Plan | None = None, measure: Measure = "if needed", quant: str = USUAL_QUANT
) -> Outlook:
    """Return the outlook of this machine as it is now.

    Args:
        held: the plan of a model that is loaded now and will be gone, whose memory counts as free.
        measure: when unknown speeds are measured.
        quant: the quantization whose speeds matter.
    """
    machine = without_held(detect(), held)
    machine = with_speeds(machine, quant, measure=_is_worth_measuring(machine, measure))
    return Outlook(machine, learned_margins(machine), is_here=True)


def _is_worth_measuring(machine: Machine, measure: Measure) -> bool:
    if measure == "always" or len(gpus(machine)) > 1:
        return True
    busy = os.getloadavg()[0] > _BUSY * (os.cpu_count() or 1)
    return measure == "if quiet" and not busy


def without_held(machine: Machine, held: Plan | None) -> Machine:
    """Return the machine without a model that was loaded by the plan ``held``.

    Weights that are mapped from their file count as available anyway.
    """
    if held is None:
        return machine
    host = held.host.kv_cache + held.host.compute + (held.host.weights if held.repack else 0)
    available = min(machine.ram_total, machine.ram_available + host)
    loads = {load.name: load for load in held.devices}
    return replace(
        machine,
        ram_available=available,
        devices=tuple(_without(device, loads.get(device.name)) for device in machine.devices),
    )


def _at_rest(device: Device) -> Device:
    """Return a device of which only the screen takes something."""
    rest = device.total - max(_SCREEN_BYTES, device.total // _SCREEN_SHARE)
    return replace(device, free=max(device.free, rest))


def _without(device: Device, load: Load | None) -> Device:
    if load is None:
        return device
    return replace(device, free=min(device.total, device.free + load.used))
