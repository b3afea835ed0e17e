"""``localqwq convert``: a Hugging Face checkpoint becomes a pack. Also makes the built-in demo."""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from localqwq.cli.progress import ByteProgress

if TYPE_CHECKING:
    from localqwq_convert.report import ConversionReport

DEMO = "demo"
_DEMO_QUANTIZATIONS = ("Q8_0", "Q4_K_M")
_DEMO_FILES = ("*.json", "*.jinja", "*.safetensors", "README.md")
"""What the demo's pack is made of; anything else there is about how it was trained."""


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command's arguments."""
    parser = subparsers.add_parser(
        "convert",
        help="make a pack of a Hugging Face checkpoint",
        description="Converts a checkpoint (config.json, tokenizer.json, safetensors) into GGUF "
        "files. Every quantization asked for is written from one read of the weights.",
    )
    parser.add_argument("checkpoint", metavar="CHECKPOINT", type=Path, help="its directory")
    parser.add_argument(
        "-o", "--output", metavar="DIR", type=Path, required=True, help="where the pack goes"
    )
    parser.add_argument(
        "--quant",
        metavar="Q",
        action="append",
        help="BF16, F16, F32, Q8_0 or Q4_K_M; can be given several times (default: Q4_K_M)",
    )
    parser.add_argument(
        "--rope",
        choices=("yarn", "native"),
        default="yarn",
        help="with YaRN for long contexts where the makers support it (default), or without",
    )
    parser.add_argument("--name", help="the pack's name (default: the directory's)")
    parser.add_argument("--threads", metavar="N", type=int, help="default: all processors")
    parser.add_argument(
        "--dry-run", action="store_true", help="check everything, write nothing, tell the sizes"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def run(arguments: argparse.Namespace) -> int:
    """Convert, and report what was made."""
    from localqwq_convert.pipeline import DEFAULT_QUANTIZATIONS, convert

    checkpoint = arguments.checkpoint.expanduser()
    with ByteProgress(f"converting {checkpoint.resolve().name}") as progress:
        report = convert(
            checkpoint,
            arguments.output.expanduser(),
            arguments.quant or DEFAULT_QUANTIZATIONS,
            name=arguments.name,
            rope=arguments.rope,
            threads=arguments.threads,
            dry_run=arguments.dry_run,
            progress=lambda state: progress(state.done_bytes, state.total_bytes),
        )
    if arguments.json:
        print(json.dumps(report.as_dict(), indent=2))
    else:
        print("\n".join(_lines(report)))
    return 0


def install_demo(directory: Path) -> Path:
    """Have the demo's pack in the store ``directory``, made from the present demo checkpoint.

    Two processes may do this at once: each makes its own, and only a whole pack is ever seen.

    Returns:
        The pack's folder.

    Raises:
        LocalqwqError: the demo checkpoint is damaged, or the store cannot be written to.
    """
    from localqwq.locations import demo_checkpoint
    from localqwq.packs.lock import locked
    from localqwq.packs.staging import staging

    checkpoint = demo_checkpoint()
    source = f"the demo checkpoint that comes with localqwq, fingerprint {_fingerprint(checkpoint)}"
    target = directory / DEMO
    if _is_current(target, source):
        return target
    from localqwq_convert.pipeline import convert

    directory.mkdir(parents=True, exist_ok=True)
    with staging(directory) as stage:
        convert(checkpoint, stage / DEMO, _DEMO_QUANTIZATIONS, name=DEMO, source=source)
        with locked(directory):
            if not _is_current(target, source):
                if target.exists():
                    target.rename(stage / "outdated")
                (stage / DEMO).rename(target)
    return target


def _fingerprint(checkpoint: Path) -> str:
    """Changes with the checkpoint, and with the program that converts it."""
    import hashlib

    from localqwq import __version__

    digest = hashlib.sha256(__version__.encode())
    for path in sorted(path for form in _DEMO_FILES for path in checkpoint.glob(form)):
        digest.update(f"\n{path.name} {path.stat().st_size}\n".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _is_current(pack: Path, source: str) -> bool:
    from localqwq.errors import LocalqwqError
    from localqwq.packs.manifest import read_manifest

    try:
        manifest = read_manifest(pack)
        sizes = [(pack / file.path).stat().st_size for file in manifest.files]
    except (LocalqwqError, OSError):
        return False
    whole = sizes == [file.bytes for file in manifest.files]
    return whole and manifest.source == source and len(sizes) == len(_DEMO_QUANTIZATIONS)


def _lines(report: "ConversionReport") -> list[str]:
    from localqwq.sizes import readable_size

    lines = [
        f"{output.path}  {readable_size(output.bytes)}, {output.bits_per_weight:.2f} bits a weight"
        for output in report.outputs
    ]
    if report.seconds is None or report.peak_rss is None:
        return [*lines, "dry run: nothing was written"]
    pack = report.outputs[0].path.parent
    return [
        *lines,
        f"{report.seconds:.1f} s, at most {readable_size(report.peak_rss)} of memory",
        f"install it with `localqwq models add {pack}`",
    ]
