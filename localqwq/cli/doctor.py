"""``localqwq doctor``: what this machine has, and what could be better."""

import argparse
import json
from typing import TYPE_CHECKING, Any

from localqwq import __version__
from localqwq.sizes import readable_size

if TYPE_CHECKING:
    from localqwq.hardware.machine import Machine


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command's arguments."""
    parser = subparsers.add_parser(
        "doctor",
        help="what this machine has, and what could be better",
        description="Devices, backends, memory, and hints about what could be better.",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def run(arguments: argparse.Namespace) -> int:
    """Look at this machine and print what was found."""
    from localqwq.hardware.hints import find_traces, hints
    from localqwq.hardware.machine import detect

    machine = detect()
    advice = hints(machine, find_traces())
    if arguments.json:
        print(json.dumps(as_json(machine, advice), indent=2))
    else:
        print("\n".join(as_lines(machine, advice)))
    return 0


def as_json(machine: "Machine", advice: list[str]) -> dict[str, Any]:
    """The document that scripts read."""
    return {
        "version": __version__,
        "llama_cpp": machine.llama_cpp,
        "backends": list(machine.backends),
        "devices": [
            {
                "name": device.name,
                "description": device.description,
                "type": device.type,
                "free": device.free,
                "total": device.total,
            }
            for device in machine.devices
        ],
        "cpu": {
            "name": machine.cpu_name,
            "physical_cores": machine.physical_cores,
            "logical_cores": machine.logical_cores,
        },
        "ram": {"total": machine.ram_total, "available": machine.ram_available},
        "gpu_offload": machine.gpu_offload,
        "hints": advice,
    }


def as_lines(machine: "Machine", advice: list[str]) -> list[str]:
    """The same for people."""
    from localqwq.locations import cache_directory, config_directory, data_directory

    cores = f"{machine.physical_cores} cores"
    if machine.logical_cores != machine.physical_cores:
        cores += f", {machine.logical_cores} threads"
    lines = [
        f"localqwq   {__version__}",
        f"llama.cpp  llama-cpp-python {machine.llama_cpp or '– does not answer'}",
        f"backends   {', '.join(machine.backends) or 'none'}"
        + ("" if machine.gpu_offload else " (no GPU offload in this build)"),
        f"processor  {machine.cpu_name}, {cores}",
        f"memory     {readable_size(machine.ram_available)} available of "
        f"{readable_size(machine.ram_total)}",
    ]
    lines += [
        f"device     {device.name}: {device.description} ({device.type}), "
        f"{readable_size(device.free)} free of {readable_size(device.total)}"
        for device in machine.devices
        if device.type != "CPU"
    ]
    lines += [
        f"data       {data_directory()}",
        f"settings   {config_directory()}",
        f"cache      {cache_directory()}",
        "",
    ]
    return lines + ([f"hint: {sentence}" for sentence in advice] or ["Nothing to improve here."])
