"""How many processor cores this process may really use."""

import os
from collections.abc import Collection
from pathlib import Path

import psutil

TOPOLOGY = Path("/sys/devices/system/cpu")


def usable_cores(quota: float | None) -> tuple[int, int]:
    """Physical and logical cores, within the process's affinity and a quota of processor time.

    Threads beyond the quota would spin and be stopped for it, so it is rounded down.
    """
    allowed = _affinity()
    logical = len(allowed) if allowed else psutil.cpu_count() or 1
    physical = _distinct_cores(allowed) or psutil.cpu_count(logical=False) or logical
    most = logical if quota is None else max(1, int(quota))
    return min(physical, logical, most), min(logical, most)


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
