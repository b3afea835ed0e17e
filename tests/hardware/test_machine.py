"""This machine, as it is, and as a broken driver would let it look."""

import os
import sys
import warnings
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from localqwq.hardware.cgroup import Limits
from localqwq.hardware.cores import fast_of, memory_nodes, usable_cores
from localqwq.hardware.detection import detect
from localqwq.hardware.gpu_signs import Traces, find_traces
from localqwq.hardware.hints import Hint, hints
from localqwq.hardware.machine import Device, Machine
from localqwq.hardware.memory import read_memory
from localqwq.hardware.probe import probe
from localqwq.installation.origin import Origin


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
        ("print('hello')", "could not be parsed"),
        ("print('{\"devices\": [{}]}')", "could not be parsed"),
        ("pass", "could not be parsed"),
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


@pytest.mark.parametrize(
    "kept", [(), ("meminfo",), ("cpuinfo", "stat"), ("meminfo", "stat", "vmstat")]
)
def test_a_sandbox_with_parts_of_proc(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept: tuple[str, ...]
) -> None:
    """Memory and cores are found out all the same, and nothing is complained about."""
    for name in kept:
        (tmp_path / name).write_bytes(Path("/proc", name).read_bytes())
    if "meminfo" in kept:  # with some of its lines
        text = (tmp_path / "meminfo").read_text().splitlines(keepends=True)
        few = [line for line in text if line.startswith(("MemTotal", "MemFree", "MemAvailable"))]
        (tmp_path / "meminfo").write_text("".join(few))
    whole = read_memory(Limits())
    monkeypatch.setattr(psutil, "PROCFS_PATH", str(tmp_path))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = read_memory(Limits(memory=1 << 30, memory_left=1 << 20))
        assert (found.installed, found.total) == (whole.installed, 1 << 30)
        assert found.available == 1 << 20
        assert 0 < read_memory(Limits()).available <= whole.installed
        assert usable_cores(None)[0] >= 1


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


def test_efficiency_cores_are_left_out(tmp_path: Path) -> None:
    """By Intel's list of performance cores, or by what Arm's cores are capable of."""
    hybrid, topology = tmp_path / "cpus", tmp_path / "cpu"
    for number in range(8):  # two threads on each of the first two cores
        directory = topology / f"cpu{number}" / "topology"
        directory.mkdir(parents=True)
        (directory / "physical_package_id").write_text("0")
        (directory / "core_id").write_text(str(number // 2 if number < 4 else number))
    hybrid.write_text("0-3\n")
    assert fast_of(range(8), topology, hybrid) == 2
    assert fast_of(range(2, 8), topology, hybrid) == 1
    hybrid.write_text("nonsense")
    assert fast_of(range(8), topology, hybrid) == 0
    for number in range(8):
        capacity = "1024" if number in (6, 7) else "420"
        (topology / f"cpu{number}" / "cpu_capacity").write_text(capacity)
    assert fast_of(range(8), topology, tmp_path / "absent") == 2
    here = machine()
    assert (here.threads, replace(here, fast_cores=2).threads) == (here.physical_cores, 2)


def test_memory_nodes(tmp_path: Path) -> None:
    """One where nothing is known."""
    assert memory_nodes(tmp_path) == 1
    for name in ("node0", "node1", "power"):
        (tmp_path / name).mkdir()
    assert memory_nodes(tmp_path) == 2


NVIDIA = Traces(frozenset({"NVIDIA", "Intel"}), nvidia_driver=True)
BARE_NVIDIA = Traces(frozenset({"NVIDIA"}))
APPLE = Traces(frozenset({"Apple"}))
AMD = Traces(frozenset({"AMD"}), vulkan_driver=True)
INTEL = Traces(frozenset({"Intel"}))
MADE = Origin("make", Path("/somewhere/localqwq"))
CARD = Device("CUDA0", "NVIDIA", "GPU", 1 << 34, 1 << 34)


@pytest.mark.parametrize(
    ("traces", "backends", "words"),
    [
        (NVIDIA, ("CPU",), "this build has no CUDA: run `make BACKEND=cuda`"),
        (NVIDIA, ("CUDA", "CPU"), "nvidia-smi"),
        (BARE_NVIDIA, ("CPU",), "no driver for it: install NVIDIA's, then run `make BACKEND=cuda`"),
        (BARE_NVIDIA, ("CUDA", "CPU"), "install NVIDIA's."),
        (APPLE, ("CPU",), "make BACKEND=metal"),
        (AMD, ("CPU",), "There is an AMD GPU but this build has no Vulkan: run `make"),
        (INTEL, ("CPU",), "install its Vulkan driver"),
        (INTEL, ("Vulkan", "CPU"), "vulkaninfo"),
        (Traces(), ("CUDA", "CPU"), "there is no NVIDIA GPU or driver"),
    ],
)
def test_hints_name_the_way_out(traces: Traces, backends: tuple[str, ...], words: str) -> None:
    """Graphics hardware that this build cannot use is one sentence with a command."""
    [hint] = hints(machine(backends=backends), traces, MADE)
    assert words in hint.sentence


def test_no_hints_without_need() -> None:
    """A GPU that is used, or none at all, needs no words."""
    assert hints(machine(CARD, backends=("CUDA", "CPU")), NVIDIA, MADE) == []
    assert hints(machine(), Traces(), MADE) == []
    assert hints(machine(backends=("MTL", "CPU")), APPLE, MADE) == []


def test_hints_on_memory_and_problems() -> None:
    """Little memory is worth a word, and what went wrong comes first."""
    small = machine(ram=1 << 30)
    [hint] = hints(small, Traces(), MADE)
    assert "4 GiB" in hint.sentence
    swapping = replace(machine(), swap_used=3 << 30)
    assert hints(swapping, Traces(), MADE)[0].sentence.startswith(
        "3.0 GiB of memory is swapped out"
    )
    here = machine()
    bound = replace(here, ram_installed=2 * here.ram_total, cores_installed=64)
    memory, cores = (hint.sentence for hint in hints(bound, Traces(), MADE))
    assert "raise the limit of its container" in memory
    assert f"{here.physical_cores} of 64 processor cores" in cores
    broken = Machine("a processor", 4, 8, 8 << 30, 8 << 30, problems=("It broke.",))
    assert hints(broken, NVIDIA, MADE) == [Hint("It broke.")]


def test_traces_of_this_machine_can_be_looked_for() -> None:
    """Looking for drivers fails nowhere."""
    assert isinstance(find_traces(), Traces)


def test_cards_on_the_bus(tmp_path: Path) -> None:
    """Display controllers and accelerators count; network cards of the same makers do not."""
    listed = {
        "0000:00:02.0": ("0x030000", "0x8086"),
        "0000:01:00.0": ("0x030200", "0x10de"),
        "0000:02:00.0": ("0x120000", "0x1002"),
        "0000:03:00.0": ("0x020000", "0x15b3"),
        "0000:04:00.0": ("0x030000", "0x1af4"),
    }
    for name, (kind, vendor) in listed.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "class").write_text(f"{kind}\n")
        (tmp_path / name / "vendor").write_text(f"{vendor}\n")
    (tmp_path / "0000:05:00.0").mkdir()
    assert find_traces(tmp_path).cards >= {"Intel", "NVIDIA", "AMD"}
    for name in ("0000:00:02.0", "0000:01:00.0", "0000:02:00.0"):
        (tmp_path / name / "class").write_text("0x020000\n")
    assert not find_traces(tmp_path).cards & {"Intel", "AMD"}
