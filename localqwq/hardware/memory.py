"""Main memory: how much there is, and how much this process may still use."""

import os
import warnings
from dataclasses import dataclass

import psutil

from localqwq.hardware.cgroup import Limits


@dataclass(frozen=True, slots=True)
class Memory:
    """Amounts of main memory in bytes."""

    installed: int
    """Regardless of control groups."""
    total: int
    """Of the machine, or of the control group if that has less."""
    available: int
    """Usable without swapping or hitting a limit, including file cache that is given up on
    demand.
    """
    swap_used: int = 0
    swap_total: int = 0


def read_memory(limits: Limits) -> Memory:
    """Return the memory of this machine, within ``limits``."""
    installed, available = _main_memory()
    used, total = _swap()
    return Memory(
        installed=installed,
        total=_least(installed, limits.memory),
        available=_least(available, limits.memory_left),
        swap_used=used,
        swap_total=total,
    )


def _main_memory() -> tuple[int, int]:
    """Return total and available bytes; some sandboxes have only parts of ``/proc``, or none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # from psutil, if parts are missing
            memory = psutil.virtual_memory()
    except (OSError, KeyError, ValueError):
        page = os.sysconf("SC_PAGE_SIZE")
        return os.sysconf("SC_PHYS_PAGES") * page, os.sysconf("SC_AVPHYS_PAGES") * page
    return memory.total, memory.available


def _swap() -> tuple[int, int]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            swap = psutil.swap_memory()
    except (OSError, KeyError, ValueError):
        return 0, 0
    return swap.used, swap.total


def _least(size: int, limit: int | None) -> int:
    return size if limit is None else min(size, limit)
