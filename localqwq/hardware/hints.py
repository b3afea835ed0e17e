"""What could make this machine faster: sentences for ``localqwq doctor``."""

from collections.abc import Iterator

from localqwq.hardware.machine import Machine
from localqwq.hardware.traces import Traces
from localqwq.sizes import readable_size

LOW_MEMORY = 4 << 30
MUCH_SWAPPED = 1 << 30
_LOADER = "install its Vulkan driver (on Debian and Ubuntu: apt install mesa-vulkan-drivers), then "


def hints(machine: Machine, traces: Traces) -> list[str]:
    """One sentence for each thing a person could do about it; problems come first."""
    found = list(machine.problems)
    local = (device for device in machine.devices if not device.is_remote)
    has_gpu = any(device.type in ("GPU", "IGPU") for device in local)
    if machine.llama_cpp is not None and not has_gpu:
        found += _gpu_hints(machine, traces)
    return [*found, *_memory_hints(machine), *_processor_hints(machine)]


def _gpu_hints(machine: Machine, traces: Traces) -> list[str]:
    """About the one kind of hardware that would help most."""
    built_for = {name.upper() for name in machine.backends}
    if "NVIDIA" in traces.cards:
        return [_nvidia_hint("CUDA" in built_for, driver=traces.nvidia_driver)]
    if "Apple" in traces.cards:
        if built_for & {"METAL", "MTL"}:
            return []
        return ["This Mac has a GPU but this build has no Metal: run `make BACKEND=metal`."]
    card = next((maker for maker in ("AMD", "Intel") if maker in traces.cards), None)
    if card is None:
        return []
    if built_for & {"VULKAN", "HIP", "ROCM", "SYCL"}:
        return [
            f"An {card} GPU is here and this build could use it, but it does not answer: see what "
            "`vulkaninfo --summary` says."
        ]
    first = "" if traces.vulkan_driver else _LOADER
    return [
        f"An {card} GPU is here but this build has no Vulkan: {first}run `make BACKEND=vulkan`."
    ]


def _nvidia_hint(built: bool, *, driver: bool) -> str:
    if not driver:
        then = "" if built else ", then run `make BACKEND=cuda`"
        return f"An NVIDIA GPU is here but no driver for it: install NVIDIA's{then}."
    if built:
        return (
            "An NVIDIA driver is here and this build has CUDA, but no GPU answers: "
            "see what `nvidia-smi` says."
        )
    return "An NVIDIA GPU is here but this build has no CUDA: run `make BACKEND=cuda`."


def _memory_hints(machine: Machine) -> Iterator[str]:
    if machine.ram_total < machine.ram_installed:
        yield (
            f"This process may use {readable_size(machine.ram_total)} of the "
            f"{readable_size(machine.ram_installed)} of memory that are here: for larger models, "
            "raise the limit of its container or service."
        )
    if machine.ram_available < LOW_MEMORY:
        yield (
            "Less than 4 GiB of memory are available: close other programs before loading "
            "a larger model than the demo."
        )
    if machine.swap_used > MUCH_SWAPPED:
        yield (
            f"{readable_size(machine.swap_used)} of memory are swapped out, so other programs "
            "need more than there is: answers may stall until some of them are closed."
        )


def _processor_hints(machine: Machine) -> Iterator[str]:
    if machine.cores_installed > machine.physical_cores:
        yield (
            f"This process may use {machine.physical_cores} of {machine.cores_installed} processor "
            "cores: for faster answers, raise the limit of its container or service."
        )
