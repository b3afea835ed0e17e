"""How fast devices are: measured by ggml itself in a child process, once."""

from dataclasses import replace

from localqwq.engine.probing.repack_buffers import cpu_buffer_types
from localqwq.engine.probing.speed_probe import measure
from localqwq.engine.probing.speeds import speeds_key, with_speeds
from localqwq.hardware.cache_file import CacheFile
from localqwq.hardware.detection import detect
from localqwq.planning.memory import GIB
from tests.machines import gpu, machine

_F32, _Q4_0 = 0, 2
"""ggml's numbers of types."""


def test_the_processor_is_measured_once() -> None:
    """For each kind of weights; what is known is not measured again."""
    here = detect()
    found = with_speeds(here, "Q8_0")
    if found.ram_bandwidth is not None:  # it stays unknown where other programs were in the way
        assert 1e7 < found.ram_bandwidth < 1e13
        assert 1e7 < (found.cpu_flops or 0) < 1e15
        assert 0 < (found.cpu_latency or 0) < 1
    assert with_speeds(here, "Q4_0", measure=False).ram_bandwidth is None
    assert len(CacheFile("speeds").read()) <= 1  # not kept where other programs were in the way
    known = {"bandwidth": 3.0, "flops": 4.0, "latency": 5.0, "share": 1.0, "trip": 0.0}
    CacheFile("speeds").write(speeds_key(here, "CPU", 8), known)
    assert with_speeds(here, "Q8_0", measure=False).ram_bandwidth is None  # of an earlier version
    known |= {"mapped_bandwidth": 6.0, "mapped_flops": 7.0}
    CacheFile("speeds").write(speeds_key(here, "CPU", 8), known)
    again = with_speeds(here, "Q8_0", measure=False)
    assert (again.ram_bandwidth, again.cpu_flops, again.cpu_latency) == (3, 4, 5)
    assert (again.mapped_bandwidth, again.mapped_flops) == (6, 7)


def test_both_layouts_are_measured_where_weights_can_be_rearranged() -> None:
    """Q4_0 can on every processor with vector instructions, F32 on none."""
    rearranged, plain = (measure("CPU", kind, 1) for kind in (_Q4_0, _F32))
    can = "CPU_REPACK" in cpu_buffer_types()
    for name in ("mapped_bandwidth", "mapped_flops"):
        assert ((rearranged[name] or 0) > 0) is can
        assert plain[name] is None


def test_what_cannot_be_measured_stays_unknown() -> None:
    """A device that is not there, and a llama.cpp that does not answer."""
    here = replace(machine(GIB, gpu(GIB, "NOTHERE0")), llama_cpp=None)
    assert with_speeds(here) == here
