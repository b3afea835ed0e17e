"""Speeds of this machine as if they had been measured, for tests of what is made of them."""

from functools import cache

from localqwq.engine.probing.attention_times import DEPTHS, key
from localqwq.engine.probing.speeds import speeds_key
from localqwq.hardware.cache_file import CacheFile
from localqwq.hardware.detection import detect
from localqwq.hardware.machine import Machine
from tests.machines import qwq

_Q8_0, _Q4_K = 8, 12
"""ggml's numbers of the types that most weights of a Q8_0 and of a Q4_K_M have."""


@cache
def _here() -> Machine:
    return detect()


def note_speeds(machine: Machine | None = None) -> None:
    """Have the speeds of the devices in the present cache directory; by default, of this machine.

    They are measured wherever there are several devices, which takes a second or two for each.
    """
    known = {"bandwidth": 1e10, "flops": 1e11, "latency": 1e-5, "share": 1.0, "trip": 0.0}
    speeds = {**known, "mapped_bandwidth": None, "mapped_flops": None}
    machine = machine or _here()
    for device in ("CPU", *(one.name for one in machine.devices if one.type != "CPU")):
        for kind in (_Q8_0, _Q4_K):
            CacheFile("speeds").write(speeds_key(machine, device, kind), speeds)
    same = [[1.0, 1.0]] * len(DEPTHS)
    times = {"plain": same, "flash": same, "share": 1.0}
    CacheFile("attention").write(key(machine, qwq()), times)
