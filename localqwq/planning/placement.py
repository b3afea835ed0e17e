"""Which device holds which layer, as llama.cpp will place them, and what that costs each."""

from bisect import bisect_right
from collections.abc import Sequence
from ctypes import c_float
from dataclasses import dataclass

from localqwq.gguf.facts import ModelFacts
from localqwq.hardware.machine import Device, Machine
from localqwq.planning.memory import compute_bytes, device_margin, host_margin, kv_layer_bytes


@dataclass(frozen=True, slots=True)
class Load:
    """What one device, or the host, holds; sizes in bytes."""

    name: str
    free: int
    layers: int
    """Whole layers, the output layer counted as one."""
    weights: int
    kv_cache: int
    compute: int
    margin: int
    """Left alone on purpose."""

    @property
    def used(self) -> int:
        """What the model takes."""
        return self.weights + self.kv_cache + self.compute

    @property
    def total(self) -> int:
        """What the model takes and what is left alone."""
        return self.used + self.margin

    @property
    def fits(self) -> bool:
        """Whether that is there."""
        return self.layers == 0 or self.total <= self.free


def gpus(machine: Machine) -> tuple[Device, ...]:
    """The devices that llama.cpp offloads to, in its order; integrated ones only without others."""
    found = [device for device in machine.devices if device.type == "GPU"]
    found.sort(key=lambda device: not device.name.startswith("RPC"))
    return tuple(found or (device for device in machine.devices if device.type == "IGPU"))


def assign(layers_total: int, gpu_layers: int, free: Sequence[int]) -> list[int | None]:
    """The index of the device of each layer, the output layer last; ``None`` is the host.

    llama.cpp offloads the last layers and splits them by the devices' free memory
    (``llama_model::load_tensors``), in single precision.
    """
    start = layers_total - gpu_layers
    sums: list[float] = []
    for size in free:
        sums.append(_single((sums[-1] if sums else 0.0) + _single(size)))
    if not gpu_layers or not sums or not sums[-1]:
        return [None] * layers_total
    ends = [_single(value / sums[-1]) for value in sums]
    return [
        None if layer < start else bisect_right(ends, _single((layer - start) / gpu_layers))
        for layer in range(layers_total)
    ]


def place(
    facts: ModelFacts, machine: Machine, context: int, gpu_layers: int
) -> tuple[tuple[Load, ...], Load]:
    """The loads of the GPUs and of the host when so many layers are offloaded."""
    devices = gpus(machine)
    owners = assign(facts.layers + 1, gpu_layers, [device.free for device in devices])
    loads = tuple(
        _load(
            facts,
            context,
            [layer for layer, owner in enumerate(owners) if owner == index],
            name=device.name,
            free=min(device.free, machine.ram_available) if _unified(device) else device.free,
            margin=device_margin(device.free, device.total),
        )
        for index, device in enumerate(devices)
    )
    # What a GPU without memory of its own takes is no longer there for the host.
    shared = sum(load.used for device, load in zip(devices, loads, strict=True) if _unified(device))
    host = _load(
        facts,
        context,
        [layer for layer, owner in enumerate(owners) if owner is None],
        name="host",
        free=max(0, machine.ram_available - shared),
        margin=host_margin(machine.ram_available, machine.ram_total),
        is_host=True,
    )
    return loads, host


def _load(
    facts: ModelFacts,
    context: int,
    layers: list[int],
    *,
    name: str,
    free: int,
    margin: int,
    is_host: bool = False,
) -> Load:
    repeating = [layer for layer in layers if layer < facts.layers]
    weights = sum(facts.layer_bytes[layer] for layer in repeating)
    if len(repeating) < len(layers):
        weights += facts.output_bytes
        if facts.tied_embeddings and not is_host:
            weights += facts.input_bytes  # the output matrix is a copy of the token embedding
    if is_host:
        weights += facts.input_bytes
    return Load(
        name=name,
        free=free,
        layers=len(layers),
        weights=weights,
        kv_cache=len(repeating) * kv_layer_bytes(facts, context),
        compute=compute_bytes(facts, context) if layers or is_host else 0,
        margin=margin,
    )


def _unified(device: Device) -> bool:
    """Whether the device's memory is the host's."""
    return device.type == "IGPU" or device.name.startswith(("MTL", "Metal"))


def _single(value: float) -> float:
    return c_float(value).value
