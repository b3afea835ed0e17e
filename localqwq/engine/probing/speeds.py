"""The speeds of this machine's devices: measured once, and kept for planning."""

from dataclasses import asdict, dataclass, replace
from math import isfinite
from typing import Any, Self

from localqwq.children import Child
from localqwq.codec import Malformed
from localqwq.engine.probing.probe_child import measured
from localqwq.gguf.types import TYPE_NAMES
from localqwq.gguf.usual import USUAL_QUANT
from localqwq.hardware.cache_file import CacheFile
from localqwq.hardware.machine import Device, Machine

TIME_LIMIT_S = 20.0
_CACHE_FILE = "speeds"
_UNDISTURBED, _HALFWAY = 0.9, 0.7
"""Shares of processor time from which figures are kept, and from which they are used."""


@dataclass(frozen=True, slots=True)
class Speeds:
    """The output of ``python -m localqwq.engine.probing.speed_probe``."""

    bandwidth: float
    """Bytes of weights per second, one token at a time."""
    flops: float
    """Operations per second, many tokens at a time."""
    latency: float
    """Overhead of each operation in seconds."""
    share: float
    """Fraction of the requested processor time that was granted."""
    trip: float
    """Round-trip time to the device in seconds."""
    mapped_bandwidth: float | None
    """Like ``bandwidth``, for weights as they are in files; ``None`` if nothing rearranges them."""
    mapped_flops: float | None
    """Like ``flops``, likewise."""

    @classmethod
    def of(cls, document: Any) -> Self:
        """Return the speeds in a document; raises :class:`Malformed` if it is none."""
        try:
            found = cls(**document)
            positive = (found.bandwidth, found.flops, found.latency, found.share)
            mapped = (found.mapped_bandwidth, found.mapped_flops)
            known = [*positive, *(one for one in mapped if one is not None)]
            right = all(isfinite(one) and one > 0 for one in known)
            if right and isfinite(found.trip) and found.trip >= 0:
                return found
        except TypeError:
            pass
        raise Malformed(f"{document!r:.80} are not speeds")


def with_speeds(machine: Machine, quant: str = USUAL_QUANT, *, measure: bool = True) -> Machine:
    """Return the machine with its devices' speeds for weights of this quantization.

    With ``measure``, unknown speeds are measured in a child process, one or two seconds per device.
    What cannot be measured stays unknown; what was measured on a busy machine is measured again
    next time, and stays unknown meanwhile if it was very busy.
    """
    kind = _ggml_type(quant)

    def speeds(device: str) -> Speeds | None:
        known = _known(machine, device, kind)
        return _measured(machine, device, kind) if known is None and measure else known

    devices = tuple(
        device if device.type == "CPU" else _with(device, speeds(device.name))
        for device in machine.devices
    )
    host = speeds("CPU") if machine.llama_cpp is not None else None
    if host is None:
        return replace(machine, devices=devices)
    return replace(
        machine,
        devices=devices,
        ram_bandwidth=host.bandwidth,
        cpu_flops=host.flops,
        cpu_latency=host.latency,
        mapped_bandwidth=host.mapped_bandwidth,
        mapped_flops=host.mapped_flops,
    )


def known_speeds(machine: Machine, quant: str) -> Machine | None:
    """Return the machine with the known speeds for weights of this quantization.

    ``None`` unless the processor and every device are known: figures for different types of weights
    cannot be compared.
    """
    kind = _ggml_type(quant)
    names = [device.name for device in machine.devices if device.type != "CPU"]
    if any(_known(machine, name, kind) is None for name in ("CPU", *names)):
        return None
    return with_speeds(machine, quant, measure=False)


def _with(device: Device, speeds: Speeds | None) -> Device:
    if speeds is None:
        return device
    return replace(
        device,
        bandwidth=speeds.bandwidth,
        flops=speeds.flops,
        latency=speeds.latency,
        trip=speeds.trip,
    )


def _known(machine: Machine, device: str, kind: int) -> Speeds | None:
    try:
        known = CacheFile(_CACHE_FILE).read()[speeds_key(machine, device, kind)]
        return Speeds.of(known)
    except (KeyError, Malformed):
        return None


def _measured(machine: Machine, device: str, kind: int) -> Speeds | None:
    order = {
        "device": device,
        "kind": kind,
        "threads": machine.threads,
        "rpc": machine.rpc_servers,
    }
    found = measured(Child.SPEED_PROBE, order, Speeds.of, TIME_LIMIT_S)
    if found is None:
        return None
    if found.share >= _UNDISTURBED:
        CacheFile(_CACHE_FILE).write(speeds_key(machine, device, kind), asdict(found))
    return found if found.share >= _HALFWAY else None


def speeds_key(machine: Machine, device: str, kind: int) -> str:
    """Return the cache key of a device's speeds with weights of ggml's type ``kind``."""
    described = {one.name: one.description for one in machine.devices}
    name = f"{device} {described.get(device, machine.cpu_name)}"
    return f"{machine.build}: {name}, {machine.threads} threads, type {kind}"


def _ggml_type(quant: str) -> int:
    """Return the type of most weights in a quantization, or of the usual one if unknown."""
    numbers = {name: number for number, name in TYPE_NAMES.items()}
    known = (name for name in (quant, quant.rpartition("_")[0]) if name in numbers)
    return numbers[next(known, "Q4_K")]
