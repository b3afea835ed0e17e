"""How many processor cores this process may really use, and which of them are fast."""

import ctypes
import os
import sys
from collections.abc import Collection
from pathlib import Path

import psutil

TOPOLOGY = Path("/sys/devices/system/cpu")
HYBRID = Path("/sys/devices/cpu_core/cpus")
"""Linux's list of the performance cores' threads, where a processor has others, too."""
NODES = Path("/sys/devices/system/node")


def usable_cores(quota: float | None) -> tuple[int, int]:
    """Physical and logical cores, within the process's affinity and a quota of processor time.

    Threads beyond the quota would spin and be stopped for it, so it is rounded down.
    """
    allowed = _affinity()
    logical = len(allowed) if allowed else psutil.cpu_count() or 1
    physical = _distinct_cores(allowed) or installed_cores() or logical
    most = logical if quota is None else max(1, int(quota))
    return min(physical, logical, most), min(logical, most)


def installed_cores() -> int | None:
    """Physical cores of the machine; ``None`` where it does not say."""
    try:
        return psutil.cpu_count(logical=False)
    except OSError:  # a sandbox without the files that it looks for
        return None


def fast_cores(quota: float | None) -> int:
    """Physical cores that are as fast as any, within affinity and quota.

    Every operation waits for its slowest thread: one on an efficiency core slows all others down.
    """
    physical, _ = usable_cores(quota)
    fast = fast_of(_affinity()) or _fast_of_mac()
    return min(physical, fast) if fast else physical


def memory_nodes(nodes: Path = NODES) -> int:
    """NUMA nodes: groups of cores with memory of their own."""
    return len([path for path in nodes.glob("node[0-9]*") if path.is_dir()]) or 1


def fast_of(processors: Collection[int], topology: Path = TOPOLOGY, hybrid: Path = HYBRID) -> int:
    """Physical cores with the fast ones among these processors; 0 where Linux does not say."""
    try:
        listed = _numbers(hybrid.read_text(encoding="ascii"))
    except (OSError, ValueError):
        listed = _capable(processors, topology)
    return _distinct_cores(listed & set(processors), topology)


def _capable(processors: Collection[int], topology: Path) -> set[int]:
    """Those with more than half of the largest capacity: Arm's big cores, not its little ones."""
    capacities = {}
    for number in processors:
        try:
            capacities[number] = int((topology / f"cpu{number}" / "cpu_capacity").read_text())
        except (OSError, ValueError):
            return set()
    largest = max(capacities.values(), default=0)
    return {number for number, capacity in capacities.items() if 2 * capacity > largest}


def _fast_of_mac() -> int:
    """The cores of the first performance level (``sysctl hw.perflevel0``); 0 elsewhere."""
    if sys.platform != "darwin":
        return 0
    found, size = ctypes.c_int32(), ctypes.c_size_t(ctypes.sizeof(ctypes.c_int32))
    name = b"hw.perflevel0.physicalcpu"
    libc = ctypes.CDLL(None)
    failed = libc.sysctlbyname(name, ctypes.byref(found), ctypes.byref(size), None, 0)
    return 0 if failed else found.value


def _numbers(text: str) -> set[int]:
    """What Linux means by ``0-3,8``."""
    numbers: set[int] = set()
    for part in text.strip().split(","):
        first, _, last = part.partition("-")
        numbers |= set(range(int(first), int(last or first) + 1))
    return numbers


def _affinity() -> Collection[int]:
    if hasattr(os, "sched_getaffinity"):
        return os.sched_getaffinity(0)
    return ()


def _distinct_cores(processors: Collection[int], topology: Path = TOPOLOGY) -> int:
    """Physical cores behind these logical ones; 0 where Linux's topology files are absent."""
    cores = set()
    for number in processors:
        directory = topology / f"cpu{number}" / "topology"
        try:
            cores.add(
                tuple((directory / name).read_text() for name in ("physical_package_id", "core_id"))
            )
        except OSError:
            return 0
    return len(cores)
