"""What could make this machine faster: the hints of ``localqwq doctor``."""

from collections.abc import Iterator
from dataclasses import dataclass

from localqwq.hardware.gpu_signs import Traces
from localqwq.hardware.machine import Machine
from localqwq.installation.origin import Origin
from localqwq.platforms import unsupported
from localqwq.sizes import readable_size

LOW_MEMORY = 4 << 30
MUCH_SWAPPED = 1 << 30
_LOADER = "install its Vulkan driver (on Debian and Ubuntu: apt install mesa-vulkan-drivers), then "


@dataclass(frozen=True, slots=True)
class Hint:
    """One thing that a person could do."""

    sentence: str
    rebuild: str = ""
    """The backend to compile llama.cpp for; empty if compiling does not help."""


def hints(machine: Machine, traces: Traces, origin: Origin) -> list[Hint]:
    """Return one hint for each thing a person could do, problems first.

    Args:
        machine: what llama.cpp can use.
        traces: the hardware that exists.
        origin: how localqwq was installed, which decides how to recompile it.
    """
    problems = (unsupported(), *machine.problems)
    found = [Hint(problem) for problem in problems if problem]
    local = (device for device in machine.devices if not device.is_remote)
    has_gpu = any(device.type in ("GPU", "IGPU") for device in local)
    if machine.llama_cpp is not None and not has_gpu:
        gpu = _gpu_hint(machine, traces, origin)
        found += [gpu] if gpu else []
    rest = [*_memory_hints(machine), *_processor_hints(machine)]
    return found + [Hint(sentence) for sentence in rest]


def _gpu_hint(machine: Machine, traces: Traces, origin: Origin) -> Hint | None:
    """Return the hint about the hardware that would help most."""
    built_for = {name.upper() for name in machine.backends}
    if not traces.cards and "CUDA" in built_for:
        return Hint(
            "This build has CUDA, but there is no NVIDIA GPU or driver: the processor does all "
            "the work."
        )
    if "NVIDIA" in traces.cards:
        return _nvidia_hint("CUDA" in built_for, origin, driver=traces.nvidia_driver)
    if "Apple" in traces.cards:
        if built_for & {"METAL", "MTL"}:
            return None
        words = "This Mac has a GPU but this build has no Metal"
        return Hint(f"{words}: {_how_to_compile('metal', origin)}.", "metal")
    card = next((maker for maker in ("AMD", "Intel") if maker in traces.cards), None)
    if card is None:
        return None
    if built_for & {"VULKAN", "HIP", "ROCM", "SYCL"}:
        return Hint(
            f"There is an {card} GPU that this build could use, but it does not respond: see what "
            "`vulkaninfo --summary` says."
        )
    first = "" if traces.vulkan_driver else _LOADER
    words = f"There is an {card} GPU but this build has no Vulkan: {first}"
    return Hint(f"{words}{_how_to_compile('vulkan', origin)}.", "vulkan")


def _nvidia_hint(built: bool, origin: Origin, *, driver: bool) -> Hint:
    compile_it = _how_to_compile("cuda", origin)
    if not driver:
        then = "" if built else f", then {compile_it}"
        words = f"There is an NVIDIA GPU but no driver for it: install NVIDIA's{then}."
    elif built:
        words = (
            "There is an NVIDIA driver and this build has CUDA, but no GPU responds: see what "
            "`nvidia-smi` says."
        )
    else:
        words = f"There is an NVIDIA GPU but this build has no CUDA: {compile_it}."
    return Hint(words, "" if built else "cuda")


def _how_to_compile(backend: str, origin: Origin) -> str:
    if origin.installer == "make":
        return f"run `make BACKEND={backend}` in {origin.place}"
    return "run the command that `localqwq doctor --fix` prints"


def _memory_hints(machine: Machine) -> Iterator[str]:
    if machine.ram_total < machine.ram_installed:
        yield (
            f"This process may use {readable_size(machine.ram_total)} of the "
            f"{readable_size(machine.ram_installed)} of memory installed: for larger models, "
            "raise the limit of its container or service."
        )
    if machine.ram_available < LOW_MEMORY:
        yield (
            "Less than 4 GiB of memory is available: close other programs before loading a "
            "larger model than the demo."
        )
    if machine.swap_used > MUCH_SWAPPED:
        yield (
            f"{readable_size(machine.swap_used)} of memory is swapped out because programs need "
            "more than there is: answers may stall until some of them are closed."
        )


def _processor_hints(machine: Machine) -> Iterator[str]:
    if machine.cores_installed > machine.physical_cores:
        yield (
            f"This process may use {machine.physical_cores} of {machine.cores_installed} processor "
            "cores: for faster answers, raise the limit of its container or service."
        )
