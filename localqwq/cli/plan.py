"""``localqwq plan``: show where each layer of a model would go, here or on another machine."""

import argparse
import json
import shutil
import sys
import textwrap
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from localqwq.cli import argument_types as types
from localqwq.cli import help_texts
from localqwq.cli.launch_options import add_launch_options, launch_options
from localqwq.cli.model_argument import add_model
from localqwq.gguf.usual import USUAL_QUANT
from localqwq.locations import expanded, packs_directory
from localqwq.sizes import parsed_size

if TYPE_CHECKING:
    from collections.abc import Sequence

    from localqwq.gguf.facts import ModelFacts
    from localqwq.hardware.machine import Device, Machine
    from localqwq.models.outlook import Outlook
    from localqwq.planning.alternatives import Alternative
    from localqwq.planning.constraints import Constraints
    from localqwq.planning.placement import Load
    from localqwq.planning.plan import Plan

_CONFIG = "config.json"
_OFFERED = ("Q8_0", "Q6_K", "Q5_K_M", "Q4_K_M", "Q3_K_M", "Q2_K")
"""Quantizations that a model's makers usually publish."""

_DESCRIPTION = """\
Show which device would hold which layers, how much memory the weights, the KV
cache and computation would take there, and why. Nothing is loaded or downloaded.

MODEL_OR_CONFIG is an installed pack, a model in the catalogue, a .gguf file, or
the config.json of a checkpoint (or its folder); no other file is needed."""

_EPILOG = """\
examples:
  localqwq plan qwq-32b --ctx 32768
  localqwq plan config.json --quant Q4_K_M --device RTX4090=23.5G --ram 64G
      plan for another machine; a device named MTL0 shares its main memory"""


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command's arguments."""
    parser = subparsers.add_parser(
        "plan",
        help="show where each layer of a model would go, and why",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_model(
        parser,
        metavar="MODEL_OR_CONFIG",
        help_text="an installed pack, a model in the catalogue, a .gguf file, or a config.json "
        "(default: the model in the settings, else the best that fits)",
    )
    parser.add_argument(
        "--quant", metavar="Q", help=f"quantization (default for a config.json: {USUAL_QUANT})"
    )
    parser.add_argument(
        "--speed",
        metavar="TPS",
        type=types.above_zero("tokens per second"),
        help="target speed in tokens per second",
    )
    parser.add_argument(
        "--device",
        metavar="NAME[=FREE]",
        type=_device,
        action="append",
        default=[],
        help="with NAME: device to use; with NAME=FREE: plan for a machine with this device, such "
        "as RTX4090=23.5G; repeatable",
    )
    parser.add_argument(
        "--ram",
        metavar="SIZE",
        type=types.size,
        help="plan for a machine with this much main memory, such as 64G",
    )
    parser.add_argument("--json", action="store_true", help=help_texts.JSON)
    add_launch_options(parser, device=False)


def run(arguments: argparse.Namespace) -> int:
    """Plan, and print the result."""
    from localqwq.models.outlook import Outlook, look
    from localqwq.planning.alternatives import alternatives

    described = [one for one in arguments.device if not isinstance(one, str)]
    elsewhere = None
    if described or arguments.ram is not None:
        elsewhere = Outlook(_described(described, arguments.ram))
    subject = _subject(arguments.model, arguments.quant, elsewhere)
    outlook = elsewhere or look(measure="always", quant=subject.facts.quant)
    constraints, smaller = _constraints(arguments, subject, elsewhere), subject.smaller
    is_sure = subject.loadable and not elsewhere
    found = outlook.measured(subject.facts, constraints, smaller, "always")
    if is_sure:
        found = outlook.confirmed(subject.facts, constraints, smaller)
    machine = outlook.machine
    others = alternatives(found, machine, others=subject.others, constraints=constraints)
    for problem in machine.problems:
        print(problem, file=sys.stderr)
    if arguments.json:
        print(json.dumps(_as_json(found, others), indent=2))
    else:
        print("\n".join(_lines(found, others)))
    return 0


@dataclass(frozen=True, slots=True)
class _Subject:
    """The model to plan for."""

    facts: "ModelFacts"
    others: "tuple[ModelFacts, ...]"
    """The model's other quantizations."""
    loadable: bool
    """Whether it is a file that llama.cpp can load."""
    name: str = ""
    """The model's name in the settings; empty if it cannot be loaded by a name."""
    smaller: "tuple[ModelFacts, ...]" = ()
    """Those of the other quantizations to fall back to."""


def _subject(model: str | None, quant: str | None, elsewhere: "Outlook | None") -> _Subject:
    """Return what is to be planned; ``elsewhere``: the machine to plan for, if not this one."""
    if model is None:
        from localqwq.models.spec import resolve

        default = resolve(None)
        model = f"{default.name}:{quant}" if quant else str(default.path)
        quant = None
    config = _config_file(model)
    if config is not None:
        from localqwq.models.prospects import prospect

        facts_in = prospect(config)
        facts = facts_in(quant or USUAL_QUANT)
        others = tuple(facts_in(other) for other in _OFFERED if other != facts.quant)
        return _Subject(facts, others, loadable=False)
    return _offered(model, quant, elsewhere) or _installed(model, quant)


def _offered(model: str, quant: str | None, elsewhere: "Outlook | None") -> _Subject | None:
    """Return a catalogue model; None if there is none, or it is installed."""
    from localqwq.errors import LocalqwqError
    from localqwq.models.offers import planned
    from localqwq.models.outlook import look
    from localqwq.models.prospects import prospects
    from localqwq.packs.catalogue import named

    entry, of_name = named(model) or (None, "")
    if entry is None or (packs_directory() / entry.name).exists():
        return None
    wanted = (quant or of_name).upper()
    facts = {one.quant: one for one in prospects(entry)}
    if not wanted and (offered := planned(entry, elsewhere or look())):
        wanted = offered.best.quant
    if wanted not in facts:
        raise LocalqwqError(f"{entry.name} has no {wanted}: choose one of {', '.join(facts)}.")
    others = tuple(one for one in facts.values() if one.quant != wanted)
    return _Subject(facts[wanted], others, loadable=False, name=entry.name)


def _installed(model: str, quant: str | None) -> _Subject:
    """Return a file or a pack; a pack without a quantization means the largest that fits."""
    from localqwq.errors import LocalqwqError
    from localqwq.gguf.facts import read_facts
    from localqwq.models.spec import resolve, smaller_ones
    from localqwq.packs.store.store import Store

    if quant is not None and ":" not in model:
        if model.endswith(".gguf"):
            raise LocalqwqError(
                f"{model} has only one quantization: leave out --quant, or name a config.json."
            )
        model = f"{model}:{quant}"
    elif quant is not None and model.rpartition(":")[2].upper() != quant.upper():
        raise LocalqwqError(
            f"{model} and --quant {quant} name different quantizations: choose one."
        )
    resolved = resolve(model)
    siblings = [
        read_facts(other.path)
        for other in Store(packs_directory()).installed()
        if other.name == resolved.name and other.path != resolved.path
    ]
    facts = read_facts(resolved.path)
    smaller = smaller_ones(resolved, facts) if resolved.any_quant else ()
    return _Subject(facts, tuple(siblings), True, resolved.name, smaller)


def _config_file(model: str) -> Path | None:
    path = expanded(model)
    if path.is_dir() and (path / _CONFIG).is_file():
        return path / _CONFIG
    return path if path.suffix == ".json" else None


def _constraints(
    arguments: argparse.Namespace, subject: _Subject, elsewhere: "Outlook | None"
) -> "Constraints":
    """Return the constraints given here, completed by the settings for this machine."""
    from localqwq.models.launch_settings import settings_of

    names = [one for one in arguments.device if isinstance(one, str)]
    options = launch_options(arguments, names)
    if elsewhere is None and subject.name:
        options = options.over(settings_of(subject.name, f"{subject.name}:{subject.facts.quant}"))
    return replace(options.constraints(1), least_speed=arguments.speed)


def _described(devices: "Sequence[Device]", ram: int | None) -> "Machine":
    """Return the machine described by the options, otherwise like this one."""
    from localqwq.hardware.cores import usable_cores
    from localqwq.hardware.detection import detect
    from localqwq.hardware.machine import Machine

    if ram is None:
        return replace(detect(), devices=tuple(devices))
    physical, logical = usable_cores(None)
    return Machine("", physical, logical, ram, ram, tuple(devices))


def _as_json(found: "Plan", others: "list[Alternative]") -> dict[str, Any]:
    """Return the document for scripts."""
    return {
        "model": found.facts.name,
        "quant": found.facts.quant,
        "context": found.context,
        "kv_type": found.kv_type,
        "flash": found.flash,
        "rope": _rope(found),
        "parallel": found.parallel,
        "threads": found.threads,
        "repack": found.repack,
        "load_mode": found.load_mode,
        "layers_total": found.layers_total,
        "layers_offloaded": found.gpu_layers,
        "devices": [{"name": load.name, **_load_json(load)} for load in found.devices],
        "host": _load_json(found.host),
        "tensor_split": list(found.tensor_split),
        "speed": {"generate_tps": found.speed.decode, "prompt_tps": found.speed.prefill},
        "fits": found.fits,
        "why": found.why,
        "alternatives": [
            {
                "context": other.context,
                "kv_type": other.kv_type,
                "quant": other.quant,
                "layers_offloaded": other.gpu_layers,
                "fits": other.fits,
            }
            for other in others
        ],
    }


def _load_json(load: "Load") -> dict[str, int]:
    return {
        "free": load.free,
        "layers": load.layers,
        "weights": load.weights,
        "kv_cache": load.kv_cache,
        "compute": load.compute,
        "margin": load.margin,
        "total": load.total,
    }


def _rope(found: "Plan") -> dict[str, Any]:
    from localqwq.engine.rope import rope_scaling

    rope = rope_scaling(found.facts, found.context)
    scaled = rope.kind == "yarn"
    return {"scaling": "yarn" if scaled else "none", "factor": rope.factor if scaled else 1.0}


def _lines(found: "Plan", others: "list[Alternative]") -> list[str]:
    """Return the output for people."""
    from localqwq.planning.drawing import (
        draw,
        draw_alternatives,
        other_speed_in_words,
        speed_in_words,
    )
    from localqwq.planning.load_mode import REARRANGED, SENTENCES

    title = f"{found.facts.name} {found.facts.quant}, {found.context:,} tokens of context"
    rope = _rope(found)
    if rope["scaling"] == "yarn":
        title += f" (YaRN {rope['factor']:g})"
    width = min(100, shutil.get_terminal_size().columns)
    lines = [f"{title}, KV cache {found.kv_type.upper()}", "", *draw(found, width), ""]
    sentences = [found.why, speed_in_words(found.speed)]
    if found.fits:
        sentences.append(REARRANGED if found.repack else SENTENCES[found.load_mode])
        sentences.append(other_speed_in_words(found))
        sentences.append(f"It uses {'flash' if found.flash else 'plain'} attention.")
    for sentence in sentences:
        lines += textwrap.wrap(sentence, width, break_long_words=False)
    table = draw_alternatives(others)
    return [*lines, "", "Instead:", *table] if table else lines


def _device(text: str) -> "Device | str":
    """Return a device with its free memory, or the name of a device of this machine."""
    from localqwq.hardware.machine import Device

    name, sign, size = text.partition("=")
    if not name or (not sign and _is_size(name)):
        raise argparse.ArgumentTypeError(f"{text!r}: write NAME or NAME=FREE, as RTX4090=23.5G")
    if not sign:
        return name
    free = types.size(size)
    return Device(name, name, "GPU", free, free)


def _is_size(text: str) -> bool:
    try:
        return parsed_size(text) > 0
    except ValueError:
        return False
