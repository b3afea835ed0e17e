"""How much of the KV states goes to disk, and when."""

from dataclasses import dataclass

_GIB = 1 << 30
DISK_BYTES = 16 * _GIB
"""A long conversation of QwQ-32B takes 8 GiB in F16."""
DAILY_BYTES = 32 * _GIB
"""Every day for five years that is 57 TiB, a tenth of what usual drives of 1 TB are built for."""
QUIET_S = 10.0


@dataclass(frozen=True, slots=True)
class StateLimits:
    """The limits of one directory of states."""

    disk_bytes: int = DISK_BYTES
    """Maximum bytes of all files together."""
    daily_bytes: int = DAILY_BYTES
    """Maximum bytes written in a day (UTC)."""
    quiet_s: float = QUIET_S
    """Seconds without a request until finished turns are written."""
