"""What this machine has for running models."""

import platform
import resource
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, cast, get_args

from localqwq.hardware.cgroup import read_limits
from localqwq.hardware.cores import fast_cores, installed_cores, memory_nodes, usable_cores
from localqwq.hardware.memory import read_memory
from localqwq.hardware.probe import COMMAND, Report, probe
from localqwq.hardware.remote import RpcServer, named_servers

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
    latency: float | None = None
    """Seconds that an operation takes however small it is; ``None`` likewise."""
    trip: float | None = None
    """Seconds until it has begun with something and is heard of again; ``None`` likewise."""
    pipelines: bool = True
    """Whether it computes on its own and can be waited for: with several such devices llama.cpp
    works on several batches at a time."""

    @property
    def is_remote(self) -> bool:
        """Whether it is another machine's, over ggml's RPC; its description is the address."""
        return names_remote(self.name)


def names_remote(device: str) -> bool:
    """Whether llama.cpp calls another machine's devices so."""
    return device.startswith("RPC")


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
    cpu_latency: float | None = None
    """Like a device's ``latency``."""
    ram_installed: int = 0
    """Bytes, whatever a control group allows."""
    cores_installed: int = 0
    """Physical ones, whatever this process is bound to."""
    fast_cores: int | None = None
    """Physical cores that are as fast as any; ``None``: all are alike, or nobody has looked."""
    memory_nodes: int = 1
    """NUMA nodes."""
    swap_used: int = 0
    """Bytes of memory that are swapped out."""
    swap_total: int = 0
    """Bytes that could be."""
    lockable: int = 0
    """Bytes that this process may keep from being swapped out."""
    cpu_buffers: tuple[str, ...] = ()
    """What llama.cpp rearranges weights on the host for, such as ``AMX``; the best first."""

    @property
    def threads(self) -> int:
        """How many compute best together on the processor."""
        return self.fast_cores or self.physical_cores

    @property
    def rpc_servers(self) -> tuple[str, ...]:
        """Addresses of the RPC servers whose devices these are, in llama.cpp's order."""
        remote = (device.description for device in self.devices if device.is_remote)
        return tuple(dict.fromkeys(remote))


def detect() -> Machine:
    """Look at this machine; takes as long as importing llama.cpp in a child process.

    The devices of RPC servers that a person has named count, too. Raises
    :class:`~localqwq.errors.LocalqwqError` where that is not understood.
    """
    servers = named_servers()
    report, problem = probe((*COMMAND, *(server.address for server in servers)))
    limits = read_limits()
    physical, logical = usable_cores(limits.cores)
    memory = read_memory(limits)
    return Machine(
        cpu_name=_cpu_name(report),
        physical_cores=physical,
        logical_cores=logical,
        ram_total=memory.total,
        ram_available=memory.available,
        devices=tuple(_devices(report, memory.available, memory.total, servers)),
        backends=tuple(report.backends),
        gpu_offload=report.gpu_offload,
        llama_cpp=report.llama_cpp,
        problems=(*((problem,) if problem else ()), *report.problems),
        ram_installed=memory.installed,
        cores_installed=installed_cores() or physical,
        fast_cores=fast_cores(limits.cores),
        memory_nodes=memory_nodes(),
        swap_used=memory.swap_used,
        swap_total=memory.swap_total,
        lockable=_lockable(memory.total),
        cpu_buffers=tuple(report.cpu_buffers),
    )


def _devices(
    report: Report, ram_available: int, ram_total: int, servers: Sequence[RpcServer]
) -> Iterator[Device]:
    """The devices of known types: nothing is known about how to use another."""
    limits = {server.address: server.limit for server in servers}
    for found in report.devices:
        if found.type == "CPU":  # llama.cpp takes all memory for free
            yield Device(found.name, found.description, "CPU", ram_available, ram_total)
        elif found.type in get_args(DeviceType):
            kind = cast(DeviceType, found.type)
            device = Device(
                found.name,
                found.description,
                kind,
                found.free,
                found.total,
                pipelines=found.pipelines,
            )
            limit = limits.get(device.description) if device.is_remote else None
            yield replace(device, free=_least(device.free, limit))


def _cpu_name(report: Report) -> str:
    described = next((found.description for found in report.devices if found.type == "CPU"), "")
    if described in ("", "CPU"):  # llama.cpp does not know every processor's name
        described = platform.processor() or platform.machine()
    return described.strip()


def _lockable(ram_total: int) -> int:
    """By ``RLIMIT_MEMLOCK``."""
    limit, _ = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    return ram_total if limit == resource.RLIM_INFINITY else min(limit, ram_total)


def _least(size: int, limit: int | None) -> int:
    return size if limit is None else min(size, limit)
