"""``localqwq doctor``: this machine, how models would run on it, and what to improve."""

import argparse
import json
import platform
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from localqwq.cli import help_texts
from localqwq.errors import LocalqwqError
from localqwq.platforms import SUPPORTED
from localqwq.sizes import readable_size
from localqwq.version import __version__

if TYPE_CHECKING:
    from localqwq.hardware.hints import Hint
    from localqwq.hardware.machine import Device, Machine
    from localqwq.models.outlook import Outlook
    from localqwq.planning.plan import Plan

_OFFERED = "qwq-32b"
"""The catalogue model that this program is about."""


@dataclass(frozen=True, slots=True)
class Run:
    """How one model would run here."""

    model: str
    """``name:QUANT``."""
    installed: bool
    plan: "Plan"


@dataclass(frozen=True, slots=True)
class Sandbox:
    """The sandbox for programs that a model runs."""

    name: str | None = None
    """None if none works."""
    problem: str = ""
    """Why none works, in a sentence."""


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command's arguments."""
    parser = subparsers.add_parser(
        "doctor",
        help="show devices, memory and backends, and suggest improvements",
        description="Show the devices, backends and memory of this machine, how models would run, "
        "and what could be improved.",
    )
    parser.add_argument("--json", action="store_true", help=help_texts.JSON)
    parser.add_argument(
        "--fix",
        action="store_true",
        help="print only the commands that would fix problems, for you to review and run",
    )


def run(arguments: argparse.Namespace) -> int:
    """Inspect this machine and print the findings."""
    from localqwq.hardware.detection import detect
    from localqwq.hardware.gpu_signs import find_traces
    from localqwq.hardware.hints import hints
    from localqwq.installation.origin import origin
    from localqwq.models.outlook import look

    if arguments.fix:
        print("\n".join(fix_lines(hints(detect(), find_traces(), origin()))))
        return 0
    outlook = look(measure="always")
    machine = outlook.machine
    advice = [hint.sentence for hint in hints(machine, find_traces(), origin())]
    machine = _with_attention(outlook)
    models, sandbox = list(_runs(outlook)), _sandbox()
    if arguments.json:
        print(json.dumps(as_json(machine, advice, models, sandbox), indent=2))
    else:
        print("\n".join(as_lines(machine, advice, models, sandbox)))
    return 0


def _sandbox() -> Sandbox:
    from localqwq.agent.sandbox.choosing import backend

    try:
        return Sandbox(backend())
    except LocalqwqError as error:
        return Sandbox(problem=str(error))


def fix_lines(found: "Sequence[Hint]") -> list[str]:
    """Return a shell script: each hint as a comment, and below it the command if there is one."""
    from localqwq.installation.origin import rebuild_command

    lines = []
    for hint in found:
        lines.append(f"# {hint.sentence}")
        lines += [rebuild_command(hint.rebuild)] if hint.rebuild else []
    return lines or ["# No command is needed."]


def _with_attention(outlook: "Outlook") -> "Machine":
    """Return the machine with the attention that suits it, for QwQ-32B."""
    from localqwq.models.prospects import prospects
    from localqwq.packs.catalogue import find

    entry = find(_OFFERED)
    if entry is None:
        return outlook.machine
    facts = next(iter(prospects(entry)))
    return replace(
        outlook.machine,
        cpu_flash=outlook.measure_attention(facts, "always"),
        devices=outlook.measure_device_attention(facts, "always"),
    )


def _runs(outlook: "Outlook") -> "Iterator[Run]":
    """Yield the installed models, and the catalogue's quantizations of QwQ-32B."""
    from localqwq.demo import is_demo
    from localqwq.locations import packs_directory
    from localqwq.models.offers import planned
    from localqwq.packs.catalogue import find
    from localqwq.packs.store.store import Store

    seen = set()
    for model in Store(packs_directory()).installed():
        if not is_demo(model.spec) and (plan := outlook.plan_file(model.path)):
            seen.add(model.spec)
            yield Run(model.spec, True, plan)
    entry = find(_OFFERED)
    offered = planned(entry, outlook) if entry else None
    for offer in offered.offers if offered else ():
        spec = f"{_OFFERED}:{offer.quant}"
        if spec not in seen and offer.plan:
            yield Run(spec, False, offer.plan)


def as_json(
    machine: "Machine",
    advice: list[str],
    models: "Sequence[Run]" = (),
    sandbox: Sandbox | None = None,
) -> dict[str, Any]:
    """Return the document for scripts."""
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
                "bandwidth": _bandwidth(device, machine),
                "flash": machine.cpu_flash if device.type == "CPU" else device.flash,
            }
            for device in machine.devices
        ],
        "cpu": {
            "name": machine.cpu_name,
            "physical_cores": machine.physical_cores,
            "logical_cores": machine.logical_cores,
            "cores_installed": machine.cores_installed,
            "fast_cores": machine.threads,
            "memory_nodes": machine.memory_nodes,
            "flash": machine.cpu_flash,
        },
        "ram": {
            "total": machine.ram_total,
            "available": machine.ram_available,
            "installed": machine.ram_installed,
            "bandwidth": machine.ram_bandwidth,
            "swap_used": machine.swap_used,
        },
        "gpu_offload": machine.gpu_offload,
        "hints": advice,
        "models": [
            {
                "model": one.model,
                "installed": one.installed,
                "fits": one.plan.fits,
                "context": one.plan.context,
                "kv_type": one.plan.kv_type,
                "layers_offloaded": one.plan.gpu_layers,
                "layers_total": one.plan.layers_total,
                "generate_tps": one.plan.speed.decode,
                "why": one.plan.why,
            }
            for one in models
        ],
        "sandbox": None if sandbox is None else asdict(sandbox),
    }


def as_lines(
    machine: "Machine",
    advice: list[str],
    models: "Sequence[Run]" = (),
    sandbox: Sandbox | None = None,
) -> list[str]:
    """Return the output for people."""
    from localqwq.locations import cache_directory, config_directory, data_directory
    from localqwq.planning.short_summary import verdict

    cores = f"{machine.physical_cores} cores"
    if machine.logical_cores != machine.physical_cores:
        cores += f", {machine.logical_cores} threads"
    if machine.threads < machine.physical_cores:
        cores += f", {machine.threads} of them fast cores"
    if machine.memory_nodes > 1:
        cores += f", {machine.memory_nodes} NUMA nodes"
    lines = [
        f"localqwq   {__version__}",
        f"system     {platform.system()} {platform.machine()} (supported: {SUPPORTED})",
        f"llama.cpp  llama-cpp-python {machine.llama_cpp or '(does not respond)'}",
        f"backends   {', '.join(machine.backends) or 'none'}"
        + ("" if machine.gpu_offload else " (no GPU in use)"),
        f"processor  {machine.cpu_name}, {cores}",
        f"memory     {readable_size(machine.ram_available)} available of "
        f"{readable_size(machine.ram_total)}{_speed(machine.ram_bandwidth)}",
    ]
    attention = [("the processor", machine.cpu_flash)]
    attention += [(device.name, device.flash) for device in machine.devices]
    lines += [
        f"attention  {'flash' if flash else 'plain'} attention suits {name} better "
        "(QwQ-32B's shape, one answer at a time)"
        for name, flash in attention
        if flash is not None
    ]
    lines += [
        f"device     {device.name}: {device.description} ({device.type}), "
        f"{readable_size(device.free)} free of {readable_size(device.total)}"
        f"{_speed(device.bandwidth)}"
        for device in machine.devices
        if device.type != "CPU"
    ]
    if sandbox is not None:
        lines.append(f"sandbox    {sandbox.name or sandbox.problem}")
    lines += [
        f"data       {data_directory()}",
        f"settings   {config_directory()}",
        f"cache      {cache_directory()}",
        "",
    ]
    if models:
        names = max(len(one.model) for one in models)
        lines.append("What would run here:")
        lines += [f"  {one.model:{names}}  {verdict(one.plan)}" for one in models]
        lines.append("")
    return lines + ([f"hint: {sentence}" for sentence in advice] or ["Nothing to improve."])


def _bandwidth(device: "Device", machine: "Machine") -> float | None:
    return machine.ram_bandwidth if device.type == "CPU" else device.bandwidth


def _speed(bandwidth: float | None) -> str:
    """Return how fast weights are read, if known."""
    return f", about {readable_size(bandwidth)}/s of weights" if bandwidth else ""
