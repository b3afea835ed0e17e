"""Speeds of this machine as if they had been measured, for tests of what is made of them."""

from functools import cache

from localqwq.engine.probing.speeds import speeds_key
from localqwq.hardware.cache_file import CacheFile
from localqwq.hardware.machine import Machine, detect

_Q4_K = 12
"""ggml's number of the type that most weights of a Q4_K_M have."""


@cache
def _here() -> Machine:
    return detect()


def note_speeds() -> None:
    """Have the processor's speed in the present cache directory."""
    known = {"bandwidth": 1e10, "flops": 1e11, "latency": 1e-5, "share": 1.0}
    CacheFile("speeds").write(speeds_key(_here(), "CPU", _Q4_K), known)
