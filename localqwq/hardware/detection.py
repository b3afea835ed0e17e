"""Looking at this machine's hardware."""

import platform
import resource
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import cast, get_args

from localqwq.hardware.cgroup import read_limits
from localqwq.hardware.cores import fast_cores, installed_cores, memory_nodes, usable_cores
from localqwq.hardware.machine import Device, DeviceType, Machine
from localqwq.hardware.memory import read_memory
from localqwq.hardware.probe import COMMAND, Report, asked, probe
from localqwq.hardware.remote import RpcServer, named_servers


def detect() -> Machine:
    """Inspect this machine; takes as long as importing llama.cpp in a child process.

    Devices of the RPC servers in ``LOCALQWQ_RPC`` are included. Raises
    :class:`~localqwq.errors.LocalqwqError` if that variable is malformed.
    """
    servers = named_servers()
    # A server answers one client at a time, so no process that lasts may connect to it.
    found = None if servers else asked()
    report, problem = found or probe((*COMMAND, *(server.address for server in servers)))
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
    """Yield the devices of known types; others cannot be used."""
    limits = {server.address: server.limit for server in servers}
    for found in report.devices:
        if found.type == "CPU":  # llama.cpp reports all memory as free
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
                largest_tensor=found.largest_tensor,
            )
            limit = limits.get(device.description) if device.is_remote else None
            yield replace(device, free=_least(device.free, limit))


def _cpu_name(report: Report) -> str:
    described = next((found.description for found in report.devices if found.type == "CPU"), "")
    if described in ("", "CPU"):  # llama.cpp does not know every processor's name
        described = platform.processor() or platform.machine()
    return described.strip()


def _lockable(ram_total: int) -> int:
    """Return the bytes allowed by ``RLIMIT_MEMLOCK``."""
    limit, _ = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    return ram_total if limit == resource.RLIM_INFINITY else min(limit, ram_total)


def _least(size: int, limit: int | None) -> int:
    return size if limit is None else min(size, limit)
