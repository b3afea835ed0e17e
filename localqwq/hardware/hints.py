"""What could make this machine faster: sentences for ``localqwq doctor``."""

import ctypes.util
import platform
import shutil
from dataclasses import dataclass
from pathlib import Path

from localqwq.hardware.machine import Machine

LOW_MEMORY = 4 << 30


@dataclass(frozen=True, slots=True)
class Traces:
    """Signs of graphics hardware and drivers outside of llama.cpp."""

    nvidia: bool = False
    apple: bool = False
    vulkan: bool = False


def find_traces() -> Traces:
    """Look for drivers where they are known to leave signs."""
    return Traces(
        nvidia=Path("/proc/driver/nvidia/version").exists() or bool(shutil.which("nvidia-smi")),
        apple=platform.system() == "Darwin" and platform.machine() == "arm64",
        vulkan=Path("/dev/dri").exists() and bool(ctypes.util.find_library("vulkan")),
    )


def hints(machine: Machine, traces: Traces) -> list[str]:
    """One sentence for each thing a person could do about it; problems come first."""
    found = list(machine.problems)
    has_gpu = any(device.type in ("GPU", "IGPU") for device in machine.devices)
    if machine.llama_cpp is not None and not has_gpu:
        found += _gpu_hints(machine, traces)
    if machine.ram_available < LOW_MEMORY:
        found.append(
            "Less than 4 GiB of memory are available: close other programs before loading "
            "a larger model than the demo."
        )
    return found


def _gpu_hints(machine: Machine, traces: Traces) -> list[str]:
    built_for = {name.upper() for name in machine.backends}
    if traces.nvidia:
        if "CUDA" in built_for:
            return [
                "An NVIDIA driver is here and this build has CUDA, but no GPU answers: "
                "see what `nvidia-smi` says."
            ]
        return ["An NVIDIA GPU is here but this build has no CUDA: run `make BACKEND=cuda`."]
    if traces.apple and not built_for & {"METAL", "MTL"}:
        return ["This Mac has a GPU but this build has no Metal: run `make BACKEND=metal`."]
    if traces.vulkan and "VULKAN" not in built_for:
        return ["A Vulkan driver is here but this build has no Vulkan: run `make BACKEND=vulkan`."]
    return []
