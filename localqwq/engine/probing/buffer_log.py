"""The buffers that llama.cpp has made, by what it says of them."""

from collections.abc import Iterable
from typing import NamedTuple

from localqwq.engine.llama.log_patterns import BUFFER


class Buffer(NamedTuple):
    """One line of llama.cpp's log."""

    name: str
    """Of its type: ``CPU``, ``CUDA_Host``, ``CUDA0``, ``RPC0[host:port]``, ``CPU_Mapped`` …"""
    kind: str
    """``model``, ``KV``, ``output`` or ``compute``."""
    bytes: int
    """To within the 5 KiB that most lines are rounded by."""

    @property
    def is_mapped(self) -> bool:
        """Whether it is a part of the file, from the first to the last tensor that is used."""
        return self.name.endswith("_Mapped")


def buffers_in(lines: Iterable[str]) -> list[Buffer]:
    """The buffers that a log speaks of."""
    found = (BUFFER.search(line) for line in lines)
    return [Buffer(one[1], one[2], round(float(one[3]) * (1 << 20))) for one in found if one]
