"""How many processor cores this process can use, and which of them are fast."""

import ctypes
import os
import sys
from collections.abc import Collection
from pathlib import Path

import psutil

TOPOLOGY = Path("/sys/devices/system/cpu")
HYBRID = Path("/sys/devices/cpu_core/cpus")
"""Linux's list of performance-core threads on hybrid processors."""
NODES = Path("/sys/devices/system/node")


def usable_cores(quota: float | None) -> tuple[int, int]:
    """Return physical and logical cores, within the process's affinity and processor-time quota.

    The quota is rounded down, because threads beyond it would spin and be throttled.
    """
    allowed = _affinity()
    logical = len(allowed) if allowed else psutil.cpu_count() or 1
    physical = _distinct_cores(allowed) or installed_cores() or logical
    most = logical if quota is None else max(1, int(quota))
    return min(physical, logical, most), min(logical, most)


def installed_cores() -> int | None:
    """Return the physical cores of the machine; ``None`` if unknown."""
    try:
        return psutil.cpu_count(logical=False)
    except OSError:  # a sandbox without the files that psutil reads
        return None


def fast_cores(quota: float | None) -> int:
    """Return the number of fast physical cores, within affinity and quota.

    Every operation waits for its slowest thread: one on an efficiency core slows down all others.
    """
    physical, _ = usable_cores(quota)
    fast = fast_of(_affinity()) or _fast_of_mac()
    return min(physical, fast) if fast else physical


def memory_nodes(nodes: Path = NODES) -> int:
    """Return the number of NUMA nodes: groups of cores with their own memory."""
    return len([path for path in nodes.glob("node[0-9]*") if path.is_dir()]) or 1


def fast_of(processors: Collection[int], topology: Path = TOPOLOGY, hybrid: Path = HYBRID) -> int:
    """Return how many fast physical cores these processors cover; 0 if Linux does not say."""
    try:
        listed = _numbers(hybrid.read_text(encoding="ascii"))
    except (OSError, ValueError):
        listed = _capable(processors, topology)
    return _distinct_cores(listed & set(processors), topology)


def _capable(processors: Collection[int], topology: Path) -> set[int]:
    """Return the processors with more than half of the largest capacity: Arm's big cores."""
    capacities = {}
    for number in processors:
        try:
            capacities[number] = int((topology / f"cpu{number}" / "cpu_capacity").read_text())
        except (OSError, ValueError):
            return set()
    largest = max(capacities.values(), default=0)
    return {number for number, capacity in capacities.items() if 2 * capacity > largest}


def _fast_of_mac() -> int:
    """Return the cores of the first performance level (``sysctl hw.perflevel0``); 0 elsewhere."""
    if sys.platform != "darwin":
        return 0
    found, size = ctypes.c_int32(), ctypes.c_size_t(ctypes.sizeof(ctypes.c_int32))
    name = b"hw.perflevel0.physicalcpu"
    libc = ctypes.CDLL(None)
    failed = libc.sysctlbyname(name, ctypes.byref(found), ctypes.byref(size), None, 0)
    return 0 if failed else found.value


def _numbers(text: str) -> set[int]:
    """Parse Linux's notation ``0-3,8``."""
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
    """Return the physical cores behind these logical ones; 0 without Linux's topology files."""
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
