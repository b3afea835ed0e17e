"""What this machine has for running models."""

import platform
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, cast, get_args

import psutil

from localqwq.hardware.cgroup import read_limits
from localqwq.hardware.cores import usable_cores
from localqwq.hardware.probe import Report, probe

DeviceType = Literal["CPU", "GPU", "IGPU", "ACCEL"]


@dataclass(frozen=True, slots=True)
class Device:
    """Something llama.cpp can compute on."""

    name: str
    """llama.cpp's name, such as ``CUDA0``."""
    description: str
    type: DeviceType
    free: int
    """Bytes; those of ``CPU`` are the machine's ``ram_available``."""
    total: int
    """Bytes."""
    bandwidth: float | None = None
    """Bytes a second that it reads of its memory; ``None`` as long as nobody has measured it."""
    flops: float | None = None
    """Floating-point operations a second in products of matrices; ``None`` likewise."""


@dataclass(frozen=True, slots=True)
class Machine:
    """Processors, memory and devices, as far as this process may use them."""

    cpu_name: str
    physical_cores: int
    logical_cores: int
    ram_total: int
    """Bytes, of the machine or of the control group if that has less."""
    ram_available: int
    """Bytes that can be used now without swapping or hitting a limit."""
    devices: tuple[Device, ...] = ()
    backends: tuple[str, ...] = ()
    gpu_offload: bool = False
    """Whether this llama.cpp was built for any kind of GPU."""
    llama_cpp: str | None = None
    """Version of the binding; ``None`` if it did not answer."""
    problems: tuple[str, ...] = ()
    """One sentence for each thing that could not be found out."""
    ram_bandwidth: float | None = None
    """Like a device's ``bandwidth``, for processor and main memory."""
    cpu_flops: float | None = None
    """Like a device's ``flops``."""


def detect() -> Machine:
    """Look at this machine; takes as long as importing llama.cpp in a child process."""
    report, problem = probe()
    limits = read_limits()
    physical, logical = usable_cores(limits.cores)
    memory = psutil.virtual_memory()
    total = _least(memory.total, limits.memory)
    available = _least(memory.available, limits.memory_left)
    return Machine(
        cpu_name=_cpu_name(report),
        physical_cores=physical,
        logical_cores=logical,
        ram_total=total,
        ram_available=available,
        devices=tuple(_devices(report, available, total)),
        backends=tuple(report.backends),
        gpu_offload=report.gpu_offload,
        llama_cpp=report.llama_cpp,
        problems=(problem,) if problem else (),
    )


def _devices(report: Report, ram_available: int, ram_total: int) -> Iterator[Device]:
    """The devices of known types: nothing is known about how to use another."""
    for found in report.devices:
        if found.type == "CPU":  # llama.cpp takes all memory for free
            yield Device(found.name, found.description, "CPU", ram_available, ram_total)
        elif found.type in get_args(DeviceType):
            kind = cast(DeviceType, found.type)
            yield Device(found.name, found.description, kind, found.free, found.total)


def _cpu_name(report: Report) -> str:
    described = next((found.description for found in report.devices if found.type == "CPU"), "")
    if described in ("", "CPU"):  # llama.cpp does not know every processor's name
        described = platform.processor() or platform.machine()
    return described.strip()


def _least(size: int, limit: int | None) -> int:
    return size if limit is None else min(size, limit)
