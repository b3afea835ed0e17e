"""Finds who holds which layers: as many on devices as fit, and what that costs each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate

from localqwq.gguf.facts import ModelFacts
from localqwq.hardware.machine import Device, Machine
from localqwq.planning.memory import (
    ContextSettings,
    bookkeeping_bytes,
    compute_bytes,
    device_margin,
    host_margin,
    input_bytes,
    kv_layer_bytes,
    output_bytes,
    pipeline_bytes,
)
from localqwq.planning.placement import HOST, Load, Placement, assign, gpus, is_remote, is_unified

_SHARE_STEPS = 24  # halvings: to within a few KiB of a large card


@dataclass(frozen=True)
class Placer:
    """Places one model with one context on one machine.

    Only the devices that get layers are meant to be given to llama.cpp: with all of them it would
    keep compute buffers on those that hold nothing.
    """

    facts: ModelFacts
    machine: Machine
    settings: ContextSettings
    reserve: int | None = None
    """Bytes to leave alone on each device and on the host, in place of the usual margins."""
    residuals: Mapping[str, int] = field(default_factory=dict)
    """Bytes by which a compute buffer is larger than its closed form, by device name or ``HOST``;
    from a dry load."""
    margins: Mapping[str, int] = field(default_factory=dict)
    """Bytes to leave alone beside the usual margins, named likewise: what earlier loads took more
    than was planned."""

    @cached_property
    def devices(self) -> tuple[Device, ...]:
        """Those that can hold layers."""
        return gpus(self.machine)

    @property
    def layers_total(self) -> int:
        """Layers in all, the output layer counted as one."""
        return self.facts.layers + 1

    def most(self) -> Placement:
        """As many layers on devices as fit; should the host have no room for the rest, as many as
        devices have room for."""
        shared = any(map(is_unified, self.devices))
        for gpu_layers in range(self.layers_total if self.devices else 0, 0, -1):
            found = self.place(gpu_layers)
            if found.fits:
                return found
            # With fewer on devices, the host needs more; only shared memory may then suffice.
            if not shared and all(load.fits for load in found.devices):
                return found
        return self.place(0)

    def place(self, gpu_layers: int) -> Placement:
        """So many layers on devices.

        On a single device if one has room for all of them, because the step from one to the next
        takes time; otherwise so that the fullest is as little full as can be.
        """
        counts = self._on_one(gpu_layers) or self._spread(gpu_layers)
        if counts is None:
            split = [self._usable(index) for index in range(len(self.devices))]
            owners = assign(self.layers_total, gpu_layers, split)
            counts = tuple(owners.count(index) for index in range(len(self.devices)))
        return self.loads(counts)

    def loads(self, counts: Sequence[int]) -> Placement:
        """The loads when each device holds so many layers, the last device the last ones."""
        devices: list[Load] = []
        first = start = self.layers_total - sum(counts)
        for index, count in enumerate(counts):
            device = self.devices[index]
            pays = self._extra(counts, index)
            devices.append(
                Load(
                    name=device.name,
                    free=self._free(index),
                    layers=count,
                    weights=self._weights(first, first + count),
                    kv_cache=self._kv(first, first + count),
                    compute=self._compute(index) + pays if count else 0,
                    margin=self._margins[index],
                )
            )
            first += count
        return Placement(tuple(devices), self._host(start, devices))

    def _host(self, layers: int, devices: Sequence[Load]) -> Load:
        """What is left: the first layers, the token embedding, and the inputs of all others."""
        machine, facts, settings = self.machine, self.facts, self.settings
        # What a device without memory of its own takes is no longer there for the host.
        shared = sum(
            load.used
            for device, load in zip(self.devices, devices, strict=True)
            if is_unified(device)
        )
        weights = self._weights(0, layers) + facts.input_bytes
        if facts.tied_embeddings and layers == self.layers_total:
            weights -= facts.input_bytes  # the output matrix is the token embedding itself
        buffer = compute_bytes if layers else input_bytes
        margin = host_margin(machine.ram_available, machine.ram_total)
        return Load(
            name=HOST,
            free=max(0, machine.ram_available - shared),
            layers=layers,
            weights=weights,
            kv_cache=self._kv(0, layers),
            compute=max(0, buffer(facts, settings) + self.residuals.get(HOST, 0))
            + output_bytes(facts, settings)
            + bookkeeping_bytes(facts, settings),
            margin=self._with_learned(HOST, margin),
        )

    def _on_one(self, gpu_layers: int) -> tuple[int, ...] | None:
        """The counts with all of them on one device: the fastest with room, or the roomiest."""

        def preference(index: int) -> tuple[float, int]:
            return self.devices[index].bandwidth or 0.0, self._usable(index)

        choices = []
        for index in range(len(self.devices)):
            counts = [0] * len(self.devices)
            counts[index] = gpu_layers
            if self._fits(counts, index):
                choices.append(index)
        if not choices or not gpu_layers:
            return None
        best = max(choices, key=preference)
        return tuple(gpu_layers if index == best else 0 for index in range(len(self.devices)))

    def _spread(self, gpu_layers: int) -> tuple[int, ...] | None:
        """The counts that need the smallest share of every device's room; ``None``: no room."""
        best = self._filled(gpu_layers, 1.0)
        low, high = 0.0, 1.0
        for _ in range(_SHARE_STEPS if best and gpu_layers else 0):
            share = (low + high) / 2
            found = self._filled(gpu_layers, share)
            if found is None:
                low = share
            else:
                best, high = found, share
        return best

    def _filled(self, gpu_layers: int, share: float) -> tuple[int, ...] | None:
        """The counts when devices are filled in order, each up to this share of its room.

        Nothing else than this order holds more: layers are whole and their order is fixed, so a
        layer that is left to a later device only takes that one's room.
        """
        total = self.layers_total
        first, counts = total - gpu_layers, []
        pays = self._extra_of_first(gpu_layers)
        for index in range(len(self.devices)):
            room = int(self._usable(index) * share) - self._compute(index) - pays
            last = first
            while (
                last < total and self._weights(first, last + 1) + self._kv(first, last + 1) <= room
            ):
                last += 1
            counts.append(last - first)
            if last > first and gpu_layers < total:
                pays = 0  # only the first one computes for the host
            first = last
        return tuple(counts) if first == total else None

    def _fits(self, counts: Sequence[int], index: int) -> bool:
        first = self.layers_total - sum(counts) + sum(counts[:index])
        last = first + counts[index]
        used = self._weights(first, last) + self._kv(first, last)
        return used + self._compute(index) + self._extra(counts, index) <= self._usable(index)

    def _extra(self, counts: Sequence[int], index: int) -> int:
        """What a device's compute buffer holds besides what computing its own layers needs."""
        used = [other for other, count in enumerate(counts) if count]
        if index not in used:
            return 0
        alone = len(used) == 1
        if sum(counts) == self.layers_total:
            return 0 if alone else self._extra_of_first(self.layers_total)
        return self._extra_of_first(sum(counts)) if index == used[0] else 0

    def _extra_of_first(self, gpu_layers: int) -> int:
        """The same, with layers on several devices, or for the first of them if some stay behind.

        Large batches are computed on it for the host, with a copy of one matrix at a time.
        """
        if gpu_layers < self.layers_total:
            return self.facts.largest_matrix
        if all(is_remote(device) for device in self.devices):
            return 0
        return pipeline_bytes(self.facts, self.settings)

    def _usable(self, index: int) -> int:
        return max(0, self._free(index) - self._margins[index])

    def _free(self, index: int) -> int:
        device = self.devices[index]
        return min(device.free, self.machine.ram_available) if is_unified(device) else device.free

    @cached_property
    def _margins(self) -> list[int]:
        return [
            self._with_learned(device.name, device_margin(device.free, device.total))
            for device in self.devices
        ]

    def _with_learned(self, name: str, usual: int) -> int:
        return (usual if self.reserve is None else self.reserve) + self.margins.get(name, 0)

    def _compute(self, index: int) -> int:
        residual = self.residuals.get(self.devices[index].name, 0)
        return max(0, self._closed_form + residual)

    @cached_property
    def _closed_form(self) -> int:
        return compute_bytes(self.facts, self.settings)

    @cached_property
    def _kv_layer(self) -> int:
        return kv_layer_bytes(self.facts, self.settings)

    @cached_property
    def _sums(self) -> list[int]:
        """Weights of all layers before each; a tied output brings a copy of the embedding."""
        facts = self.facts
        output = facts.output_bytes + (facts.input_bytes if facts.tied_embeddings else 0)
        return list(accumulate((*facts.layer_bytes, output), initial=0))

    def _weights(self, first: int, last: int) -> int:
        return self._sums[last] - self._sums[first]

    def _kv(self, first: int, last: int) -> int:
        layers = self.facts.layers
        return (min(last, layers) - min(first, layers)) * self._kv_layer
