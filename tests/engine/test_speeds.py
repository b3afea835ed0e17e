"""How fast devices are: measured by ggml itself in a child process, once."""

from dataclasses import replace

from localqwq.engine.probing.speeds import speeds_key, with_speeds
from localqwq.hardware.cache_file import CacheFile
from localqwq.hardware.detection import detect
from localqwq.planning.memory import GIB
from tests.machines import gpu, machine


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
    known = {"bandwidth": 3.0, "flops": 4.0, "latency": 5.0, "share": 1.0}
    CacheFile("speeds").write(speeds_key(here, "CPU", 8), known)
    again = with_speeds(here, "Q8_0", measure=False)
    assert (again.ram_bandwidth, again.cpu_flops, again.cpu_latency) == (3, 4, 5)


def test_what_cannot_be_measured_stays_unknown() -> None:
    """A device that is not there, and a llama.cpp that does not answer."""
    here = replace(machine(GIB, gpu(GIB, "NOTHERE0")), llama_cpp=None)
    assert with_speeds(here) == here
