"""The one place that plans for this machine.

Lists, advice and launches agree because they all ask here, with the same devices, speeds, learned
margins and cached dry loads.
"""

import contextlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, Self

from localqwq.engine.probing.attention_times import DEPTHS, with_attention
from localqwq.engine.probing.confirm_plan import confirm, confirm_by_known_loads
from localqwq.engine.probing.device_attention import with_device_attention
from localqwq.engine.probing.learned_margins import learned_margins
from localqwq.engine.probing.speeds import known_speeds, with_speeds
from localqwq.errors import LocalqwqError
from localqwq.gguf.facts import ModelFacts, read_facts
from localqwq.gguf.usual import USUAL_QUANT
from localqwq.hardware.detection import detect
from localqwq.hardware.machine import Device, Machine
from localqwq.planning.constraints import Constraints
from localqwq.planning.placement import Load, Place, gpus
from localqwq.planning.plan import Plan, plan

Measure = Literal["if needed", "if quiet", "always"]
"""When to measure unknown speeds: if they decide which device holds a model; also for estimates, if
the machine is quiet; or always, which takes a second or two per device.
"""

_SYSTEM_BYTES, _SYSTEM_SHARE = 2 << 30, 8
"""Main memory of the system and a few programs: these bytes, or one part in so many if more."""
_SCREEN_BYTES, _SCREEN_SHARE = 512 << 20, 32
"""The same for a device's memory."""
_BUSY = 0.5
"""Runnable processes per logical processor above which the machine counts as busy."""
_TOO_BUSY = 2.0
"""The same for comparisons, which other programs hardly distort: both sides take turns."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """A machine, and how models would be loaded on it."""

    machine: Machine
    margins: Mapping[Place, int] = field(default_factory=dict)
    """Bytes to keep free in addition to the usual margins, learned from real loads."""
    is_here: bool = False
    """Whether it is this machine, for which measurements and dry loads are cached."""

    def plan(
        self,
        facts: ModelFacts,
        constraints: Constraints | None = None,
        smaller: Sequence[ModelFacts] = (),
    ) -> Plan:
        """Return how a model would be loaded, without running anything.

        Args:
            facts: the model.
            constraints: what the plan must satisfy.
            smaller: other quantizations of the model to fall back to.

        Raises:
            LocalqwqError: no machine could satisfy the constraints with this model.
        """
        machine = self._for(facts, constraints)
        found = plan(facts, machine, constraints=constraints, smaller=smaller, margins=self.margins)
        if self.is_here:
            found = confirm_by_known_loads(found, machine, constraints=constraints, smaller=smaller)
        return found

    def measured(
        self,
        facts: ModelFacts,
        constraints: Constraints | None = None,
        smaller: Sequence[ModelFacts] = (),
        measure: Measure = "if quiet",
    ) -> Plan:
        """Return what :meth:`plan` returns once it is measured which attention is faster.

        That is measured only where it decides: in a long context, and on the devices if they have
        layers, otherwise on the processor.

        Raises:
            LocalqwqError: as for :meth:`plan`.
        """
        found = self.plan(facts, constraints, smaller)
        mode = constraints.flash if constraints else "auto"
        if mode != "auto" or found.kv_type != "f16" or found.context <= DEPTHS[-1]:
            return found
        if found.gpu_layers:
            self.measure_device_attention(found.facts, measure, found.parallel)
        else:
            self.measure_attention(found.facts, measure, found.parallel)
        return self.plan(facts, constraints, smaller)

    def confirmed(
        self,
        facts: ModelFacts,
        constraints: Constraints | None = None,
        smaller: Sequence[ModelFacts] = (),
    ) -> Plan:
        """Return what :meth:`plan` returns, confirmed by a dry load through llama.cpp.

        Raises:
            LocalqwqError: as for :meth:`plan`, or llama.cpp cannot load the model.
        """
        found = self.plan(facts, constraints, smaller)
        return confirm(
            found, self._for(facts, constraints), constraints=constraints, smaller=smaller
        )

    def plan_file(self, path: Path) -> Plan | None:
        """Return how a file would be loaded; ``None`` if it is damaged or gone."""
        with contextlib.suppress(LocalqwqError):  # loading or verifying it reports the reason
            return self.plan(read_facts(path))
        return None

    def fits(self, path: Path) -> bool:
        """Return whether a file can be loaded."""
        found = self.plan_file(path)
        return found is not None and found.fits

    def at_rest(self) -> Self:
        """Return the outlook of the same machine while only the system uses memory.

        Lasting choices, such as a download, depend on this and not on the current moment.
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
            is_here=False,  # its cached notes depend on the memory that is free now
        )

    def measure_attention(
        self, facts: ModelFacts, measure: Measure = "if quiet", parallel: int = 1
    ) -> bool | None:
        """Return whether flash attention is faster on the processor; measure it if unknown.

        ``parallel``: how many conversations are answered at once.
        Plans for models of this shape know it from then on. ``None`` if it is not known after all,
        or does not matter, as in short contexts.
        """
        if not self.is_here or facts.context_length <= DEPTHS[-1]:
            return None
        wanted = _is_worth_measuring(self.machine, measure, _TOO_BUSY)
        return with_attention(self.machine, facts, parallel, measure=wanted).cpu_flash

    def measure_device_attention(
        self, facts: ModelFacts, measure: Measure = "if quiet", parallel: int = 1
    ) -> tuple[Device, ...]:
        """Return the devices with the attention that suits them; measure it if unknown.

        Otherwise as :meth:`measure_attention`.
        """
        if not self.is_here or facts.context_length <= DEPTHS[-1]:
            return self.machine.devices
        wanted = _is_worth_measuring(self.machine, measure, _TOO_BUSY)
        return with_device_attention(self.machine, facts, parallel, measure=wanted).devices

    def _for(self, facts: ModelFacts, constraints: Constraints | None) -> Machine:
        """Return the machine with its speeds for this quantization and this shape, if known."""
        if not self.is_here:
            return self.machine
        machine = known_speeds(self.machine, facts.quant) or self.machine
        parallel = (constraints or Constraints()).parallel
        machine = with_attention(machine, facts, parallel)
        return with_device_attention(machine, facts, parallel)


def look(
    *,
    held: Plan | None = None,
    before: Machine | None = None,
    measure: Measure = "if needed",
    quant: str = USUAL_QUANT,
) -> Outlook:
    """Return the outlook of this machine as it is now.

    Args:
        held: the plan of a loaded model that will be unloaded, so its memory counts as free.
        before: this machine as it was before that model was loaded.
        measure: when to measure unknown speeds.
        quant: the quantization to measure speeds for.
    """
    machine = detect()
    if before is not None:
        machine = _with_lent(machine, before)
    machine = without_held(machine, held)
    machine = with_speeds(machine, quant, measure=_is_worth_measuring(machine, measure))
    return Outlook(machine, learned_margins(machine), is_here=True)


def _is_worth_measuring(machine: Machine, measure: Measure, most: float = _BUSY) -> bool:
    if measure == "always" or len(gpus(machine)) > 1:
        return True
    busy = os.getloadavg()[0] > most * (os.cpu_count() or 1)
    return measure == "if quiet" and not busy


def without_held(machine: Machine, held: Plan | None, resident: int | None = None) -> Machine:
    """Return the machine as it would be without the model loaded by ``held``.

    ``resident``: bytes of main memory that its process has to itself, if known. Weights mapped from
    a file count as available anyway.
    """
    if held is None:
        return machine
    if resident is None:
        host = held.host
        resident = host.kv_cache + host.compute + (host.weights if held.repack else 0)
    available = min(machine.ram_total, machine.ram_available + resident)
    loads = {load.name: load for load in held.devices}
    return replace(
        machine,
        ram_available=available,
        devices=tuple(_without(device, loads.get(device.name)) for device in machine.devices),
    )


def _with_lent(machine: Machine, before: Machine) -> Machine:
    """Return the machine with the other machines' devices that the loaded model keeps busy.

    An RPC server serves one client at a time, so nobody else sees its devices meanwhile.
    """
    lent = [device for device in before.devices if device.is_remote]
    if not lent:
        return machine
    own = [device for device in machine.devices if not device.is_remote]
    return replace(machine, devices=(*own, *lent))


def _at_rest(device: Device) -> Device:
    """Return a device of which only the screen uses memory."""
    rest = device.total - max(_SCREEN_BYTES, device.total // _SCREEN_SHARE)
    return replace(device, free=max(device.free, rest))


def _without(device: Device, load: Load | None) -> Device:
    if load is None:
        return device
    return replace(device, free=min(device.total, device.free + load.used))
