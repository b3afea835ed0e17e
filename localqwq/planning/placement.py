"""Which device has which layer, as llama.cpp will place them."""

from bisect import bisect_right
from collections.abc import Sequence
from ctypes import c_float
from dataclasses import dataclass

from localqwq.hardware.machine import HOST as HOST
from localqwq.hardware.machine import Device, Machine
from localqwq.planning.compute import Role

Place = tuple[str, Role]
"""A device's name, or ``HOST``, and its role: what is learned in one role says nothing about
another.
"""


@dataclass(frozen=True, slots=True)
class Load:
    """The load of one device, or of the host; sizes in bytes."""

    name: str
    free: int
    layers: int
    """Whole layers, counting the output layer."""
    weights: int
    kv_cache: int
    compute: int
    margin: int
    """Bytes kept free on purpose."""
    role: Role
    """Its role, if it computes anything."""
    too_large: int = 0
    """Bytes of a tensor of each layer that this device cannot compute with; 0 if there is none."""

    @property
    def place(self) -> Place:
        """The key under which loads are learned from."""
        return self.name, self.role

    @property
    def used(self) -> int:
        """Bytes used by the model."""
        return self.weights + self.kv_cache + self.compute

    @property
    def total(self) -> int:
        """Bytes used by the model plus the margin."""
        return self.used + self.margin

    @property
    def fits(self) -> bool:
        """Whether that much memory is free, and the device can compute with what is in it."""
        return self.used == 0 or (self.total <= self.free and not self.too_large)


@dataclass(frozen=True, slots=True)
class Placement:
    """The distribution of a model over the devices."""

    devices: tuple[Load, ...]
    """All usable devices of the machine, in llama.cpp's order."""
    host: Load
    repack: bool
    """Whether host weights may be rearranged for the processor."""

    @property
    def gpu_layers(self) -> int:
        """The number of layers on devices."""
        return sum(load.layers for load in self.devices)

    @property
    def fits(self) -> bool:
        """Whether every device and the host have enough memory."""
        return self.host.fits and all(load.fits for load in self.devices)


def gpus(machine: Machine) -> tuple[Device, ...]:
    """Return the devices that llama.cpp offloads to, in its order: other machines' first.

    Integrated ones count only if there are no others on this machine.
    """
    found = [device for device in machine.devices if device.type == "GPU"]
    remote = [device for device in found if is_remote(device)]
    local = [device for device in found if not is_remote(device)]
    return *remote, *(local or (device for device in machine.devices if device.type == "IGPU"))


def assign(layers_total: int, gpu_layers: int, split: Sequence[float]) -> list[int | None]:
    """Return the device index of each layer, the output layer last; ``None`` is the host.

    llama.cpp offloads the last layers and divides them in proportion to ``split``
    (``llama_model_base::load_tensors``), in single precision.
    """
    start = layers_total - gpu_layers
    sums: list[float] = []
    for size in split:
        sums.append(_single((sums[-1] if sums else 0.0) + _single(size)))
    if not gpu_layers or not sums or not sums[-1]:
        return [None] * layers_total
    ends = [_single(value / sums[-1]) for value in sums]
    return [
        None if layer < start else bisect_right(ends, _single((layer - start) / gpu_layers))
        for layer in range(layers_total)
    ]


def is_remote(device: Device) -> bool:
    """Return whether it belongs to another machine, over ggml's RPC."""
    return device.is_remote


def is_unified(device: Device) -> bool:
    """Return whether the device shares the host's memory."""
    return device.type == "IGPU" or device.name.startswith(("MTL", "Metal"))


def _single(value: float) -> float:
    return c_float(value).value
