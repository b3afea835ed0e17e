"""The limits of a Linux control group: containers and services rarely get the whole machine.

Files and meanings: the kernel's ``admin-guide/cgroup-v2.rst`` (``memory.max``, ``memory.high``,
``memory.current``, ``cpu.max``), ``admin-guide/cgroup-v1/memory.rst`` and ``sched-bwc.rst``. A
limit anywhere between the process's own group and the root applies, so all groups on the way are
read.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

MOUNT = Path("/sys/fs/cgroup")
MEMBERSHIP = Path("/proc/self/cgroup")


@dataclass(frozen=True, slots=True)
class Limits:
    """The tightest limits found; ``None`` if there is none."""

    memory: int | None = None
    """Bytes the group may use."""
    memory_left: int | None = None
    """Bytes of that not in use. File cache counts as free, as in the kernel's own ``MemAvailable``:
    it is given up on demand, whether recently used (active) or not.
    """
    cores: float | None = None
    """Processor time per second, in processors."""


def read_limits(membership: Path = MEMBERSHIP, mount: Path = MOUNT) -> Limits:
    """Return this process's limits from both cgroup versions; no limits if there are no cgroups."""
    memory: list[tuple[int, int]] = []
    cores: list[float] = []
    for controllers, group in _memberships(membership):
        if not controllers:
            for directory in _upwards(mount, group):
                # Beyond `high`, processes are slowed down so much that it acts as a limit too.
                for limit in ("memory.max", "memory.high"):
                    memory += _memory(directory, limit, "memory.current", "")
                cores += _quota_v2(directory)
        if "memory" in controllers:
            for directory in _upwards(mount / "memory", group):
                memory += _memory(
                    directory, "memory.limit_in_bytes", "memory.usage_in_bytes", "total_"
                )
        if "cpu" in controllers:
            for directory in _upwards(mount / "cpu", group):
                cores += _quota_v1(directory)
    return Limits(
        memory=min((limit for limit, _ in memory), default=None),
        memory_left=min((left for _, left in memory), default=None),
        cores=min(cores, default=None),
    )


def _memberships(path: Path) -> Iterator[tuple[list[str], str]]:
    """Yield controllers and group from the lines ``id:controllers:group``; version 2 has no
    controllers.
    """
    for line in _text(path).splitlines():
        parts = line.split(":", 2)
        if len(parts) == 3:
            yield [name for name in parts[1].split(",") if name], parts[2]


def _upwards(mount: Path, group: str) -> Iterator[Path]:
    """Yield the group's folder and all above it that this mount shows."""
    names = [name for name in group.split("/") if name not in ("", "..")]
    for depth in range(len(names), -1, -1):
        directory = mount.joinpath(*names[:depth])
        if directory.is_dir():
            yield directory


def _memory(directory: Path, limit: str, usage: str, prefix: str) -> list[tuple[int, int]]:
    """Return a limit and what is left of it; ``prefix`` selects statistics that include
    subgroups.
    """
    most, used = _number(directory / limit), _number(directory / usage)
    # Version 1 says "no limit" with a number near 2^63.
    if most is None or used is None or most >= 1 << 60:
        return []
    statistics = dict(
        line.split(" ", 1) for line in _text(directory / "memory.stat").splitlines() if " " in line
    )
    for kind in ("inactive_file", "active_file"):
        cached = statistics.get(prefix + kind, "0").strip()
        used -= int(cached) if cached.isdigit() else 0
    return [(most, max(0, most - max(0, used)))]


def _quota_v2(directory: Path) -> list[float]:
    parts = _text(directory / "cpu.max").split()
    if len(parts) == 2 and all(part.isdigit() for part in parts) and int(parts[1]):
        return [int(parts[0]) / int(parts[1])]
    return []


def _quota_v1(directory: Path) -> list[float]:
    quota, period = (_number(directory / f"cpu.cfs_{name}_us") for name in ("quota", "period"))
    return [quota / period] if quota is not None and period else []


def _number(path: Path) -> int | None:
    text = _text(path).strip()
    return int(text) if text.isdigit() else None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
