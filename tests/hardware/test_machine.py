"""This machine, as it is, and as a broken driver would let it look."""

import os
import sys

import psutil
import pytest

from localqwq.hardware.cores import usable_cores
from localqwq.hardware.hints import Traces, find_traces, hints
from localqwq.hardware.machine import Device, Machine, detect
from localqwq.hardware.probe import probe


def program(code: str) -> tuple[str, ...]:
    """A child process that runs this."""
    return (sys.executable, "-c", code)


def machine(*devices: Device, backends: tuple[str, ...] = ("CPU",), ram: int = 8 << 30) -> Machine:
    """A machine with these devices."""
    return Machine("a processor", 4, 8, ram, ram, devices, backends, llama_cpp="0.3.36")


def test_detect_this_machine() -> None:
    """Figures are in bounds, llama.cpp answers with its processor, nothing went wrong."""
    found = detect()
    assert found.problems == ()
    assert found.llama_cpp
    assert "CPU" in found.backends
    [processor] = [device for device in found.devices if device.type == "CPU"]
    assert (processor.free, processor.total) == (found.ram_available, found.ram_total)
    assert found.cpu_name
    assert 1 <= found.physical_cores <= found.logical_cores <= (psutil.cpu_count() or 1)
    assert 0 < found.ram_available <= found.ram_total <= psutil.virtual_memory().total


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("import os; os.abort()", "ended by signal 6"),
        ("raise SystemExit('error: no driver.')", "error: no driver."),
        ("raise SystemExit(3)", "exit code 3"),
        ("print('hello')", "could not be understood"),
        ("print('{\"devices\": [{}]}')", "could not be understood"),
        ("pass", "could not be understood"),
    ],
)
def test_a_broken_probe_is_a_sentence(code: str, words: str) -> None:
    """A native abort, an error or nonsense costs the devices and gives one line of reason."""
    report, problem = probe(program(code))
    assert report.devices == []
    assert problem is not None
    assert words in problem
    assert "\n" not in problem


def test_a_hanging_probe_is_a_sentence() -> None:
    """A driver that hangs is not waited for."""
    _, problem = probe(program("import time; time.sleep(60)"), time_limit=0.2)
    assert problem is not None
    assert "did not list its devices" in problem


def test_no_python_is_a_sentence() -> None:
    """A child that cannot even be started is a reason, too."""
    _, problem = probe(("/nonexistent/python",))
    assert problem is not None
    assert "could not be started" in problem


def test_cores_within_quota() -> None:
    """A quota of processor time is rounded down, but one core remains."""
    physical, logical = usable_cores(None)
    assert 1 <= physical <= logical
    assert usable_cores(0.5) == (1, 1)
    assert usable_cores(1.9) == (1, 1)
    assert usable_cores(1e6) == (physical, logical)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="affinity is Linux's")
def test_cores_within_affinity() -> None:
    """A process that is bound to one processor has one core."""
    code = (
        "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))});"
        "from localqwq.hardware.cores import usable_cores;"
        "raise SystemExit(usable_cores(None) != (1, 1))"
    )
    assert os.spawnv(os.P_WAIT, sys.executable, list(program(code))) == 0


NVIDIA, APPLE, VULKAN = Traces(nvidia=True), Traces(apple=True), Traces(vulkan=True)
CARD = Device("CUDA0", "NVIDIA", "GPU", 1 << 34, 1 << 34)


@pytest.mark.parametrize(
    ("traces", "backends", "words"),
    [
        (NVIDIA, ("CPU",), "make BACKEND=cuda"),
        (NVIDIA, ("CUDA", "CPU"), "nvidia-smi"),
        (APPLE, ("CPU",), "make BACKEND=metal"),
        (VULKAN, ("CPU",), "make BACKEND=vulkan"),
    ],
)
def test_hints_name_the_way_out(traces: Traces, backends: tuple[str, ...], words: str) -> None:
    """Graphics hardware that this build cannot use is one sentence with a command."""
    [hint] = hints(machine(backends=backends), traces)
    assert words in hint


def test_no_hints_without_need() -> None:
    """A GPU that is used, or none at all, needs no words."""
    assert hints(machine(CARD, backends=("CUDA", "CPU")), NVIDIA) == []
    assert hints(machine(), Traces()) == []
    assert hints(machine(backends=("MTL", "CPU")), APPLE) == []


def test_hints_on_memory_and_problems() -> None:
    """Little memory is worth a word, and what went wrong comes first."""
    small = machine(ram=1 << 30)
    [hint] = hints(small, Traces())
    assert "4 GiB" in hint
    broken = Machine("a processor", 4, 8, 8 << 30, 8 << 30, problems=("It broke.",))
    assert hints(broken, NVIDIA) == ["It broke."]


def test_traces_of_this_machine_can_be_looked_for() -> None:
    """Looking for drivers fails nowhere."""
    assert isinstance(find_traces(), Traces)
