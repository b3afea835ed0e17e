"""Placing layers: as many on devices as fit, and the memory that each device needs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import accumulate

from localqwq.gguf.facts import ModelFacts
from localqwq.hardware.machine import Device, Machine
from localqwq.planning.compute import Role, compute_bytes
from localqwq.planning.memory import (
    ContextSettings,
    bookkeeping_bytes,
    device_margin,
    host_margin,
    kv_layer_bytes,
    kv_tensor_bytes,
    output_bytes,
)
from localqwq.planning.placement import (
    HOST,
    Load,
    Place,
    Placement,
    assign,
    gpus,
    is_remote,
    is_unified,
)
from localqwq.planning.repacking import RepackMode, is_worth_repacking, packing_bytes

_SHARE_STEPS = 24  # halvings: to within a few KiB of a large card


@dataclass(frozen=True)
class Placer:
    """Place one model with one context on one machine.

    Only devices that get layers should be given to llama.cpp, which keeps compute buffers even on
    devices without layers.
    """

    facts: ModelFacts
    machine: Machine
    settings: ContextSettings
    reserve: int | None = None
    """Bytes to keep free on each device and on the host, instead of the usual margins."""
    residuals: Mapping[Place, int] = field(default_factory=dict)
    """Bytes by which a compute buffer exceeds its formula; from a dry load."""
    margins: Mapping[Place, int] = field(default_factory=dict)
    """Bytes to keep free besides the usual margins, by which earlier loads exceeded their plans."""
    split: Sequence[float] | None = None
    """The proportion in which the devices hold layers; None: by free memory."""
    alone_with_flash: bool = False
    """Whether the processor uses flash attention if it computes every layer."""
    repack: RepackMode = "auto"
    """Whether to rearrange host weights; auto: where it is faster and memory is plentiful."""

    @cached_property
    def devices(self) -> tuple[Device, ...]:
        """The devices that can have layers."""
        return gpus(self.machine)

    @property
    def layers_total(self) -> int:
        """The number of layers, counting the output layer."""
        return self.facts.layers + 1

    def most(self) -> Placement:
        """Return the placement with as many layers on devices as fit.

        If the host has no room for the rest, with as many as the devices have room for.
        """
        shared = any(map(is_unified, self.devices))
        for gpu_layers in range(self.layers_total if self.devices else 0, 0, -1):
            found = self.place(gpu_layers)
            if found.fits:
                return found
            # With fewer on devices, the host needs more; then only shared memory can suffice.
            if not shared and all(load.fits for load in found.devices):
                return found
        return self.place(0)

    def place(self, gpu_layers: int) -> Placement:
        """Return the placement with ``gpu_layers`` layers on devices.

        All on a single device if possible, because passing from one to the next takes time;
        otherwise spread so that the fullest device is as empty as possible.
        """
        if self.split is not None:
            return self.loads(self._divided(gpu_layers, self.split))
        counts = self._on_one(gpu_layers) or self._spread(gpu_layers)
        if counts is None:
            split = [self._usable(index, Role.MIDDLE) for index in range(len(self.devices))]
            counts = self._divided(gpu_layers, split)
        return self.loads(counts)

    def _divided(self, gpu_layers: int, split: Sequence[float]) -> tuple[int, ...]:
        """Return the layer counts as llama.cpp divides them in a proportion."""
        owners = assign(self.layers_total, gpu_layers, split)
        return tuple(owners.count(index) for index in range(len(self.devices)))

    def loads(self, counts: Sequence[int]) -> Placement:
        """Return the loads for these numbers of layers per device; the last device has the last
        layers.
        """
        devices: list[Load] = []
        moved = 0
        first = start = self.layers_total - sum(counts)
        for index, (count, role) in enumerate(zip(counts, self._roles(counts), strict=True)):
            left = self._left(index, first, first + count)
            devices.append(
                Load(
                    name=self.devices[index].name,
                    free=self._free(index),
                    layers=count,
                    weights=self._weights(first, first + count) - left,
                    kv_cache=self._kv(first, first + count),
                    compute=self._compute(index, role) if count else 0,
                    margin=self._margin(index, role),
                    role=role,
                    too_large=self._too_large(index),
                )
            )
            moved += left
            first += count
        return self._with_host(start, devices, moved)

    def _with_host(self, layers: int, devices: Sequence[Load], moved: int) -> Placement:
        """Add the host with the rest: the first layers, the token embedding, the inputs of all
        others, and an output matrix of ``moved`` bytes if its device cannot compute with that.
        """
        machine, facts = self.machine, self.facts
        # What a device with shared memory uses is no longer available to the host.
        shared = sum(
            load.used
            for device, load in zip(self.devices, devices, strict=True)
            if is_unified(device)
        )
        weights = self._weights(0, layers) + facts.input_bytes
        if facts.tied_embeddings and layers == self.layers_total:
            weights -= facts.input_bytes  # the output matrix is the token embedding itself
        if not facts.tied_embeddings:
            weights += moved
        role = self._host_role(layers, devices)
        settings = self._settings_of(role)
        usual = host_margin(machine.ram_available, machine.ram_total)
        host = Load(
            name=HOST,
            free=max(0, machine.ram_available - shared),
            layers=layers,
            weights=weights,
            kv_cache=self._kv(0, layers),
            compute=self._with_residual((HOST, role))
            + output_bytes(facts, settings)
            + bookkeeping_bytes(facts, settings),
            margin=self._with_learned((HOST, role), usual),
            role=role,
        )
        packed = replace(host, weights=weights + sum(self._growths[:layers]))
        can = bool(layers) and not self._copy_from_host(devices)
        repack = can and self._rearranges(packed)
        return Placement(tuple(devices), packed if repack else host, repack)

    def _rearranges(self, packed: Load) -> bool:
        """Return whether to rearrange the host's weights, which makes it this load.

        Unless it is asked for, only with the usual margin left twice: the system cannot reclaim
        the memory when another program needs it.
        """
        if self.repack != "auto":
            return self.repack == "on"
        plenty = packed.total + packed.margin <= packed.free
        return plenty and is_worth_repacking(self.machine)

    def _copy_from_host(self, devices: Sequence[Load]) -> bool:
        """Return whether cards compute for the host: llama.cpp then keeps host weights as they are,
        in memory that such a card can copy from quickly (``make_cpu_buft_list``).
        """
        used = (device for device, load in zip(self.devices, devices, strict=True) if load.layers)
        return any(not is_remote(device) and not is_unified(device) for device in used)

    def _on_one(self, gpu_layers: int) -> tuple[int, ...] | None:
        """Return the counts with all layers on one device: the fastest with room, or the
        roomiest.
        """

        def preference(index: int) -> tuple[float, int]:
            return self.devices[index].bandwidth or 0.0, self._usable(index, Role.START)

        first = self.layers_total - gpu_layers
        choices = []
        for index in range(len(self.devices)):
            role = self._role(index, (), whole=not first, several=False)
            if self._holds(index, first, self.layers_total) <= self._room(index, role):
                choices.append(index)
        if not choices or not gpu_layers:
            return None
        best = max(choices, key=preference)
        return tuple(gpu_layers if index == best else 0 for index in range(len(self.devices)))

    def _spread(self, gpu_layers: int) -> tuple[int, ...] | None:
        """Return the counts that use the smallest share of each device's room; ``None`` without
        room.
        """
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
        """Return the counts when devices are filled in order, each up to this share of its room.

        No other order holds more: layers are whole and ordered, so leaving a layer to a later
        device only uses up that one's room.
        """
        total = self.layers_total
        first, counts = total - gpu_layers, []
        used: list[int] = []
        for index in range(len(self.devices)):
            role = self._role(index, used, whole=gpu_layers == total, several=True)
            room = self._room(index, role, share)
            last = first
            while last < total and self._holds(index, first, last + 1) <= room:
                last += 1
            counts.append(last - first)
            if last > first:
                used.append(index)
            first = last
        return tuple(counts) if first == total else None

    def _roles(self, counts: Sequence[int]) -> list[Role]:
        """Return each device's role; devices without layers have no influence."""
        whole = sum(counts) == self.layers_total
        used = [index for index, count in enumerate(counts) if count]
        return [
            self._role(index, used[: used.index(index)], whole=whole, several=len(used) > 1)
            if index in used
            else Role.MIDDLE
            for index in range(len(counts))
        ]

    def _role(self, index: int, before: Sequence[int], *, whole: bool, several: bool) -> Role:
        """Return the role of a device with layers; ``before``: devices with layers in front of
        it.
        """
        if whole and several and self._pipelines:
            return Role.PIPE_MIDDLE if before else Role.PIPE_START
        if whole:
            return Role.MIDDLE if before else Role.START
        # llama.cpp lets the first device that offers to (``offload_op``) compute the host's large
        # batches; devices of other machines never offer.
        helped = all(is_remote(self.devices[other]) for other in before)
        return Role.HELPER if helped and not is_remote(self.devices[index]) else Role.MIDDLE

    def _host_role(self, layers: int, devices: Sequence[Load]) -> Role:
        if layers == self.layers_total:
            return Role.ALONE
        if layers:
            helped = any(load.layers and load.role == Role.HELPER for load in devices)
            return Role.HELPED if helped else Role.PROCESSOR
        piped = any(load.layers and load.role == Role.PIPE_START for load in devices)
        return Role.PIPE_INPUTS if piped else Role.INPUTS

    @cached_property
    def _pipelines(self) -> bool:
        """Return whether several devices with all layers process several batches at a time.

        As ``llama_context`` decides it, which also considers the processor's accelerators (BLAS).
        """
        accelerators = (device for device in self.machine.devices if device.type == "ACCEL")
        return all(device.pipelines for device in (*self.devices, *accelerators))

    def _holds(self, index: int, first: int, last: int) -> int:
        """Return the bytes of weights and KV cache of these layers on a device."""
        left = self._left(index, first, last)
        return self._weights(first, last) - left + self._kv(first, last)

    def _room(self, index: int, role: Role, share: float = 1.0) -> int:
        """Return the bytes available for weights and KV cache; negative if there is no room."""
        if self._too_large(index):
            return -1
        return int(self._usable(index, role) * share) - self._compute(index, role)

    def _too_large(self, index: int) -> int:
        """Return the bytes of a tensor of each layer if the device cannot compute with it, else
        0.

        llama.cpp ends the process if that is a part of the KV cache.
        """
        largest = max(self.facts.largest_matrix, kv_tensor_bytes(self.facts, self.settings))
        limit = self.devices[index].largest_tensor
        return largest if limit is not None and largest > limit else 0

    def _left(self, index: int, first: int, last: int) -> int:
        """Return the bytes of the output matrix if it is among these layers and too large for the
        device: llama.cpp then leaves it to the host.
        """
        limit = self.devices[index].largest_tensor
        has_output = first < last == self.layers_total
        matrix = self.facts.output_matrix
        return matrix if has_output and limit is not None and matrix > limit else 0

    def _usable(self, index: int, role: Role) -> int:
        return max(0, self._free(index) - self._margin(index, role))

    def _free(self, index: int) -> int:
        device = self.devices[index]
        return min(device.free, self.machine.ram_available) if is_unified(device) else device.free

    def _margin(self, index: int, role: Role) -> int:
        device = self.devices[index]
        usual = device_margin(device.free, device.total)
        return self._with_learned((device.name, role), usual)

    def _with_learned(self, place: Place, usual: int) -> int:
        return (usual if self.reserve is None else self.reserve) + self.margins.get(place, 0)

    def _compute(self, index: int, role: Role) -> int:
        return self._with_residual((self.devices[index].name, role))

    def _with_residual(self, place: Place) -> int:
        return max(0, self._closed_form(place[1]) + self.residuals.get(place, 0))

    def _closed_form(self, role: Role) -> int:
        known = self._closed_forms
        if role not in known:
            known[role] = compute_bytes(self.facts, self._settings_of(role), role)
        return known[role]

    def _settings_of(self, role: Role) -> ContextSettings:
        if role != Role.ALONE:
            return self.settings
        flash = self.alone_with_flash or self.settings.kv_type != "f16"
        return replace(self.settings, flash=flash)

    @cached_property
    def _growths(self) -> tuple[int, ...]:
        return packing_bytes(self.facts, self.machine)

    @cached_property
    def _closed_forms(self) -> dict[Role, int]:
        return {}

    @cached_property
    def _kv_layer(self) -> int:
        return kv_layer_bytes(self.facts, self.settings)

    @cached_property
    def _sums(self) -> list[int]:
        """Return the weights of all layers before each; a tied output brings a copy of the
        embedding.
        """
        facts = self.facts
        output = facts.output_bytes + (facts.input_bytes if facts.tied_embeddings else 0)
        return list(accumulate((*facts.layer_bytes, output), initial=0))

    def _weights(self, first: int, last: int) -> int:
        return self._sums[last] - self._sums[first]

    def _kv(self, first: int, last: int) -> int:
        layers = self.facts.layers
        return (min(last, layers) - min(first, layers)) * self._kv_layer
