"""``localqwq doctor`` on this machine and on one with a GPU."""

import json
from dataclasses import replace

import pytest

from localqwq import __version__
from localqwq.cli.doctor import Sandbox, as_json, as_lines
from localqwq.cli.main import main
from localqwq.hardware.machine import Device, Machine
from tests.known_speeds import note_speeds

GIB = 1 << 30
WITH_GPU = Machine(
    cpu_name="a processor",
    physical_cores=8,
    logical_cores=16,
    ram_total=64 * GIB,
    ram_available=60 * GIB,
    devices=(
        Device("CUDA0", "NVIDIA RTX", "GPU", 23 * GIB, 24 * GIB),
        Device("CPU", "a processor", "CPU", 60 * GIB, 64 * GIB),
    ),
    backends=("CUDA", "CPU"),
    gpu_offload=True,
    llama_cpp="0.3.36",
)


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    """One document in the shape that scripts rely on."""
    note_speeds()
    assert main(["doctor", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert list(found) == [
        "version",
        "llama_cpp",
        "backends",
        "devices",
        "cpu",
        "ram",
        "gpu_offload",
        "hints",
        "models",
        "sandbox",
    ]
    assert found["version"] == __version__
    assert bool(found["sandbox"]["name"]) != bool(found["sandbox"]["problem"])
    assert list(found["cpu"])[:3] == ["name", "physical_cores", "logical_cores"]
    assert 0 < found["ram"]["available"] <= found["ram"]["total"]
    assert {tuple(device) for device in found["devices"]} == {
        ("name", "description", "type", "free", "total", "bandwidth", "flash")
    }
    assert found["ram"]["bandwidth"] > 0
    assert "qwq-32b:Q4_K_M" in {one["model"] for one in found["models"]}
    for one in found["models"]:
        assert one["fits"] or "needs" in one["why"]


def test_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    """Readable lines, and hints or the word that there is none to give."""
    note_speeds()
    assert main(["doctor"]) == 0
    shown = capsys.readouterr().out
    for word in ("localqwq", "llama.cpp", "processor", "memory", "data"):
        assert word in shown
    assert "What would run here:\n" in shown
    assert "/s of weights" in shown
    assert ("hint: " in shown) != ("Nothing to improve." in shown)


def test_gpu_is_shown() -> None:
    """A GPU has its line with free memory; the processor is not told twice."""
    lines = as_lines(WITH_GPU, ["Do this."])
    assert "device     CUDA0: NVIDIA RTX (GPU), 23.0 GiB free of 24.0 GiB" in lines
    assert sum("a processor" in line for line in lines) == 1
    assert "processor  a processor, 8 cores, 16 threads" in lines
    mixed = as_lines(replace(WITH_GPU, fast_cores=6, memory_nodes=2), [])
    assert any(line.endswith("16 threads, 6 of them fast cores, 2 NUMA nodes") for line in mixed)
    assert lines[-1] == "hint: Do this."
    for sandbox in (Sandbox("landlock"), Sandbox(problem="None works.")):
        told = as_lines(WITH_GPU, [], (), sandbox)
        assert f"sandbox    {sandbox.name or sandbox.problem}" in told
    fast = replace(WITH_GPU.devices[0], bandwidth=936.5e9)
    lines = as_lines(replace(WITH_GPU, devices=(fast,)), [])
    assert any(line.endswith("of 24.0 GiB, about 872 GiB/s of weights") for line in lines)
    assert as_json(WITH_GPU, [])["devices"][0]["free"] == 23 * GIB
