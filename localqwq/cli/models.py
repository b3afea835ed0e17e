"""``localqwq models``: what is installed, and adding, verifying and removing it."""

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from localqwq.cli.progress import ByteProgress
from localqwq.sizes import readable_size

if TYPE_CHECKING:
    from localqwq.packs.manifest import Manifest
    from localqwq.packs.store import InstalledModel, Store

DEMO = "demo"
HEADINGS = ("model", "size", "parameters", "context", "")
NUMBERS = (1, 2, 3)
"""Columns that are aligned to the right."""


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command's arguments."""
    parser = subparsers.add_parser(
        "models",
        help="what is installed: list, show, verify, add, remove",
        description="Lists the installed models, or does one of the actions with one.",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    actions = parser.add_subparsers(dest="action", metavar="ACTION", title="actions")
    for action, line in (
        ("show", "everything about a pack"),
        ("verify", "compare its files with their checksums"),
        ("remove", "delete it, or one quantization of it"),
    ):
        named = actions.add_parser(action, help=line, description=f"{action.capitalize()}: {line}.")
        named.add_argument("name", metavar="NAME", help="an installed pack: name or name:QUANT")
    add = actions.add_parser("add", help="install a .gguf file or a folder that `convert` made")
    add.add_argument("path", metavar="FILE_OR_DIR", type=Path)


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked with the store."""
    from localqwq.locations import packs_directory
    from localqwq.packs.store import Store

    store = Store(packs_directory())
    match arguments.action:
        case "show":
            return _show(store, arguments.name)
        case "verify":
            return _verify(store, arguments.name)
        case "remove":
            return _remove(store, arguments.name)
        case "add":
            return _add(store, arguments.path)
        case _:
            return _list(store, as_json=arguments.json)


def _list(store: "Store", *, as_json: bool) -> int:
    installed = store.installed()
    default = _default(store, installed)
    if as_json:
        entries = [_entry(model, default) for model in installed]
        if not _has_demo(installed):
            entries.append(_demo_to_be(default))
        print(json.dumps({"installed": entries, "catalogue": []}, indent=2))
    else:
        print("\n".join(_table(installed, default)))
        print(f"\nPacks live in {store.root}.")
        print("More: `localqwq models add FILE.gguf`, or `localqwq convert CHECKPOINT -o DIR`")
        print("and then `localqwq models add DIR`.")
    for problem in store.problems():
        print(f"warning: {problem}", file=sys.stderr)
    return 0


def _default(store: "Store", installed: "list[InstalledModel]") -> str:
    """The name of the model that is used when none is named."""
    from localqwq.cli.model import best_installed
    from localqwq.hardware.machine import detect

    others = any(model.name != DEMO for model in installed)
    best = best_installed(store, detect()) if others else None
    if best is None:
        best = next((model for model in installed if model.name == DEMO), None)
    return best.spec if best else DEMO


def _entry(model: "InstalledModel", default: str) -> dict[str, Any]:
    return {
        "name": model.name,
        "quant": model.quant,
        "path": str(model.path),
        "bytes": model.bytes,
        "architecture": model.architecture,
        "parameters": model.parameters,
        "context": model.context,
        "default": model.spec == default,
        "built_in": model.name == DEMO,
    }


def _demo_to_be(default: str) -> dict[str, Any]:
    """The demo before its first use: usable, but not a file yet."""
    unknown = ("quant", "path", "bytes", "architecture", "parameters", "context")
    return {"name": DEMO, **dict.fromkeys(unknown), "default": default == DEMO, "built_in": True}


def _has_demo(installed: "list[InstalledModel]") -> bool:
    return any(model.name == DEMO for model in installed)


def _table(installed: "list[InstalledModel]", default: str) -> list[str]:
    rows = [
        (
            model.spec,
            readable_size(model.bytes),
            _parameters(model.parameters),
            f"{model.context:,}",
            _remarks(model.name == DEMO, model.spec == default),
        )
        for model in installed
    ]
    if not _has_demo(installed):
        remarks = _remarks(True, default == DEMO)
        rows.append((DEMO, "–", "–", "–", f"{remarks}; made when first used"))
    widths = [max(len(row[column]) for row in [HEADINGS, *rows]) for column in range(len(HEADINGS))]
    return [
        "  ".join(
            cell.rjust(width) if column in NUMBERS else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in [HEADINGS, *rows]
    ]


def _remarks(built_in: bool, is_default: bool) -> str:
    return ", ".join(
        word for word, true in (("built in", built_in), ("default", is_default)) if true
    )


def _parameters(count: int) -> str:
    """Millions or billions, as model names have them."""
    return f"{count / 1e9:.1f} B" if count >= 1e9 else f"{count / 1e6:.1f} M"


def _show(store: "Store", spec: str) -> int:
    models = store.matching(_made(store, spec))
    manifest = store.manifest(models[0].name)
    for label, value in _about(manifest):
        print(f"{label:14}{value}")
    for model in models:
        bits = manifest.parts(model.quant)[0].bits_per_weight
        print(f"\n{model.quant}  {readable_size(model.bytes)} ({model.bytes:,} bytes)", end="")
        print(f", {bits:.2f} bits per weight")
        for file in model.files:
            print(f"  {file.path}\n  sha256 {file.sha256}")
    return 0


def _about(manifest: "Manifest") -> list[tuple[str, str]]:
    """What is true of all files of a pack, as label and value."""
    unknown = "not stated"
    context = f"{manifest.context:,} tokens"
    if rope := manifest.rope:
        context += f" ({rope.type}, {rope.factor:g} times {rope.original_context:,})"
    source = manifest.source or unknown
    if manifest.source_revision:
        source += f" @ {manifest.source_revision}"
    return [
        ("name", manifest.name),
        ("architecture", manifest.architecture),
        ("parameters", f"{_parameters(manifest.parameters)} ({manifest.parameters:,})"),
        ("context", context),
        ("sampling", ", ".join(f"{k} {v:g}" for k, v in manifest.sampling.items()) or unknown),
        ("license", manifest.license or unknown),
        ("base model", ", ".join(manifest.base_models) or unknown),
        ("source", source),
        ("made by", manifest.converter or unknown),
    ]


def _verify(store: "Store", spec: str) -> int:
    from localqwq.errors import LocalqwqError

    with ByteProgress(f"verifying {spec}") as progress:
        checks = store.verify(_made(store, spec), progress)
    for check in checks:
        print(f"{check.model.spec}  {check.problem or 'ok'}")
    damaged = [check.model.spec for check in checks if check.problem]
    if damaged:
        raise LocalqwqError(
            f"{', '.join(damaged)} is damaged: remove it with "
            f"`localqwq models remove {damaged[0]}` and add it again."
        )
    return 0


def _remove(store: "Store", spec: str) -> int:
    removed = store.remove(spec)
    freed = sum(model.bytes for model in removed)
    print(f"removed {spec} ({readable_size(freed)})")
    return 0


def _add(store: "Store", path: Path) -> int:
    with ByteProgress(f"adding {path.name}") as progress:
        added = store.add(path.expanduser(), progress)
    for model in added:
        print(f"added {model.spec} ({readable_size(model.bytes)}): localqwq chat {model.spec}")
    return 0


def _made(store: "Store", spec: str) -> str:
    """The spec again; asking about the demo before its first use is no mistake."""
    from localqwq.cli.model import install_demo

    if spec.partition(":")[0] == DEMO and not (store.root / DEMO).exists():
        install_demo()
    return spec
