"""``localqwq bench``: measure the speed of a model on this machine."""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from localqwq import children
from localqwq.cli import argument_types as types
from localqwq.cli import help_texts
from localqwq.cli.launch_options import add_launch_options, launch_options
from localqwq.cli.measuring import keep
from localqwq.cli.model_argument import add_model

if TYPE_CHECKING:
    from localqwq.models.launch import Launch


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command's arguments."""
    parser = subparsers.add_parser(
        "bench",
        help="measure the speed of a model on this machine",
        description="Load a model as planned for this machine, and measure prefill and decoding "
        "without sampling: medians over several runs, in tokens per second. Unless options say "
        "how to load it, the figures go into the pack's pack.toml, and `publish` puts them on the "
        "card.",
    )
    add_model(parser)
    for flag, default, words in (
        ("--prompt", 512, "tokens to prefill"),
        ("--generate", 128, "tokens to decode"),
        ("--repeat", 3, "runs"),
    ):
        parser.add_argument(
            flag,
            type=types.whole(1, 1_000_000),
            default=default,
            metavar="N",
            help=f"{words} (default: {default})",
        )
    parser.add_argument("--json", action="store_true", help=help_texts.JSON)
    add_launch_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Measure, and print the results."""
    from localqwq.cli.model_offer import resolved_or_pulled
    from localqwq.models.launch_options import LaunchOptions
    from localqwq.models.launching import launch
    from localqwq.planning.speed import readable_rate

    prompt, generate, repeat = arguments.prompt, arguments.generate, arguments.repeat
    chosen = launch_options(arguments)
    options = chosen
    if options.context is None:
        options = replace(options, context=prompt + generate)
    planned = launch(resolved_or_pulled(arguments.model), options, keep_states=False)
    print(f"Loading {planned.name} …", file=sys.stderr)
    runs: list[dict[str, float]] = []
    for one in _runs(planned, {"prompt": prompt, "generate": generate, "repeat": repeat}):
        runs.append(one)
        print(
            f"Run {len(runs)} of {repeat}: {readable_rate(one['prompt_tps'])} tokens/s read, "
            f"{readable_rate(one['generate_tps'])} written",
            file=sys.stderr,
        )
    document = as_json(planned, runs)
    if arguments.json:
        print(json.dumps(document, indent=2))
    else:
        print("\n".join(as_lines(document, planned)))
    if chosen == replace(LaunchOptions(), context=chosen.context):
        _keep(planned, document, arguments)
    return 0


def _keep(planned: Launch, document: dict[str, Any], arguments: argparse.Namespace) -> None:
    """Write what was found into the pack's manifest, if the model is in one."""
    from localqwq.hardware.detection import detect
    from localqwq.packs.figures import Figures, Speed
    from localqwq.packs.recording import circumstances, owner_of, plain

    owner = owner_of(planned.model)
    if owner is None:
        return
    words = ["bench", planned.name]
    for flag in ("prompt", "generate", "repeat"):
        words += [f"--{flag}", str(getattr(arguments, flag))]
    speed = Speed(
        **circumstances(planned.machine or detect(), words),
        quant=owner.quant,
        prompt_tokens=arguments.prompt,
        prompt_tps=document["prompt_tps"],
        generate_tokens=arguments.generate,
        generate_tps=document["generate_tps"],
        placement=plain(_where(planned)),
    )
    keep(owner.folder, Figures(speeds=[speed]))


def as_json(planned: Launch, runs: list[dict[str, float]]) -> dict[str, Any]:
    """Return the document for scripts."""
    return {
        "model": planned.name,
        "prompt_tps": statistics.median(run["prompt_tps"] for run in runs),
        "generate_tps": statistics.median(run["generate_tps"] for run in runs),
        "threads": planned.load.threads,
        "layers_offloaded": planned.load.gpu_layers,
        "kv_type": planned.load.kv_type,
        "flash": planned.load.flash,
        "runs": runs,
    }


def as_lines(document: dict[str, Any], planned: Launch) -> list[str]:
    """Return the results for people."""
    return [
        f"{planned.name}, {_where(planned)}",
        f"reads a prompt  {document['prompt_tps']:8,.1f} tokens/s",
        f"answers         {document['generate_tps']:8,.1f} tokens/s",
    ]


def _where(planned: Launch) -> str:
    """Return what computes, for people."""
    where = f"{planned.load.threads} threads"
    if planned.load.gpu_layers:
        where += f", {planned.load.gpu_layers} layers on {' and '.join(planned.load.devices or ())}"
    where += ", flash attention" if planned.load.flash else ", plain attention"
    return where


def _runs(planned: Launch, wanted: dict[str, int]) -> Iterator[dict[str, float]]:
    """Yield the results of the benchmark process, run by run."""
    from localqwq.engine.probing.probe_child import reports

    order = {"path": str(planned.model.absolute()), "load": asdict(planned.load), **wanted}
    return reports(children.Child.BENCHMARK, order)
