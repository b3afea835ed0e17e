"""The buffers that llama.cpp created, according to its log."""

from collections.abc import Iterable
from typing import NamedTuple

from localqwq.engine.llama.log_patterns import BUFFER


class Buffer(NamedTuple):
    """One line of llama.cpp's log."""

    name: str
    """Its type: ``CPU``, ``CUDA_Host``, ``CUDA0``, ``RPC0[host:port]``, ``CPU_Mapped`` …"""
    kind: str
    """Its purpose: ``model``, ``KV``, ``output`` or ``compute``."""
    bytes: int
    """Its size, to within the 5 KiB that most lines are rounded by."""

    @property
    def is_mapped(self) -> bool:
        """Whether it is part of the file, from the first to the last tensor used."""
        return self.name.endswith("_Mapped")


def buffers_in(lines: Iterable[str]) -> list[Buffer]:
    """Return the buffers in a log."""
    found = (BUFFER.search(line) for line in lines)
    return [Buffer(one[1], one[2], round(float(one[3]) * (1 << 20))) for one in found if one]
