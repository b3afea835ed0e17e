"""``localqwq convert``: convert a Hugging Face checkpoint to a pack."""

import argparse
import json
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from localqwq.cli import argument_types as types
from localqwq.cli import help_texts
from localqwq.cli.progress import ByteProgress, time_taken
from localqwq.cli.template_options import add_chat_template
from localqwq.errors import LocalqwqError
from localqwq.locations import expanded

if TYPE_CHECKING:
    from localqwq_convert.report import ConversionReport

_USUAL, _FOR_TOOLS = "tokenizer.chat_template", "tokenizer.chat_template.tool_use"
"""Keys of chat templates in a GGUF."""
_NUMBERS = (2, 3)
"""Columns of the table that are aligned to the right."""


_DESCRIPTION = """\
Convert a checkpoint (a model as it is published) to a pack: a folder of
GGUF files that localqwq and llama.cpp can run.

CHECKPOINT is a folder with config.json, tokenizer.json and safetensors files, or
the id of a model on the Hugging Face hub, which is downloaded to the
Hugging Face cache; or a GGUF file in BF16, F16, F32 or Q8_0. All quantizations
are written in one pass over the weights."""

_EPILOG = """\
examples:
  localqwq convert Qwen/QwQ-32B -o packs/qwq-32b --dry-run
      show the files and their sizes; write nothing
  localqwq convert Qwen/QwQ-32B -o packs/qwq-32b --quant Q4_K_M,Q8_0
      two quantizations in one pass
  localqwq convert ./my-finetune -o packs/mine --quant IQ2_XS --imatrix my.imatrix.gguf
      a very small quantization, which needs an importance matrix
  localqwq convert ./my-lora --merge Qwen/QwQ-32B -o packs/mine
      a LoRA adapter, merged into the model it was trained on
  localqwq convert model-BF16.gguf -o packs/mine --quant Q4_K_M,Q6_K
      a GGUF file; the output is byte-identical to llama-quantize
  localqwq models add packs/qwq-32b
      install the pack"""


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command's arguments."""
    parser = subparsers.add_parser(
        "convert",
        help="convert a Hugging Face checkpoint to GGUF",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "checkpoint",
        metavar="CHECKPOINT",
        help="a folder, or a hub id such as Qwen/QwQ-32B; add @REVISION for a branch, tag or "
        "commit; or a .gguf file",
    )
    parser.add_argument(
        "-o", "--output", metavar="DIR", type=Path, required=True, help="folder for the pack"
    )
    parser.add_argument(
        "--quant",
        metavar="Q",
        action="append",
        help="quantizations to write, separated by commas (default: Q4_K_M); repeatable. From "
        "large and exact to small: BF16, Q8_0, Q6_K, Q5_K_M, Q4_K_M, IQ4_XS, Q3_K_M, Q2_K; an "
        "unknown name lists all",
    )
    parser.add_argument(
        "--merge",
        metavar="BASE",
        help="CHECKPOINT is a LoRA adapter: merge it into this checkpoint (a folder or a hub id) "
        "while converting",
    )
    parser.add_argument(
        "--rope",
        choices=("yarn", "native"),
        default="yarn",
        help="yarn (default): include YaRN metadata if the model's makers support YaRN; it is used "
        "for long contexts only. native: leave it out",
    )
    parser.add_argument(
        "--name", metavar="NAME", help="name of the pack (default: from the checkpoint)"
    )
    parser.add_argument(
        "--threads",
        metavar="N",
        type=types.whole(1),
        help="threads for quantizing (default: all cores)",
    )
    parser.add_argument(
        "--imatrix",
        metavar="FILE",
        type=Path,
        help="importance matrix from `localqwq imatrix` or llama-imatrix, or auto to compute one "
        "from the model's own thoughts; improves small quantizations, and the smallest need one",
    )
    parser.add_argument(
        "--tensor-type",
        metavar="PATTERN=TYPE",
        action="append",
        default=[],
        help="type for tensors whose name matches, such as attn_v=Q8_0; repeatable, and the first "
        "match wins",
    )
    parser.add_argument(
        "--pure",
        action="store_true",
        help="use one type for all matrices instead of better types for some",
    )
    parser.add_argument(
        "--leave-output",
        action="store_true",
        help="keep the type of the output matrix",
    )
    parser.add_argument(
        "--set",
        metavar="KEY=VALUE",
        dest="settings",
        action="append",
        default=[],
        help="set metadata of the files, such as general.name=Mine; repeatable. A new key needs "
        "the type of its value (int:, float:, bool: or str:), as in KEY=int:5",
    )
    parser.add_argument(
        "--requantize",
        action="store_true",
        help="allow a GGUF input that is already quantized, which loses quality",
    )
    parser.add_argument(
        "--split-max-size",
        metavar="SIZE",
        type=_size,
        help="split each quantization into files with at most this many bytes of weights, such as "
        "45G or 500M (10^9 or 10^6); the first file also has the vocabulary",
    )
    parser.add_argument(
        "--resume",
        action="store_true",
        help="make this run resumable, or resume an interrupted one; the files are the same",
    )
    parser.add_argument("--quantized-by", metavar="WHO", help="your name, for the files' metadata")
    add_chat_template(parser)
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="check everything and print the exact sizes; write nothing",
    )
    parser.add_argument("--json", action="store_true", help=help_texts.JSON)


def run(arguments: argparse.Namespace) -> int:
    """Convert, and report the results."""
    from localqwq.cli.automatic_matrix import chosen_matrix
    from localqwq.hardware.awake import Awake
    from localqwq.models.chat_templates import chosen_template
    from localqwq.settings.wakefulness import keeps_awake
    from localqwq_convert.pipeline import DEFAULT_QUANTIZATIONS, convert

    quants = [name for text in arguments.quant or () for name in _listed(text)]
    _check(arguments, quants)
    template = arguments.chat_template and chosen_template(arguments.chat_template)
    try:
        with (
            _found(arguments.checkpoint, dry_run=arguments.dry_run) as source,
            _base(arguments.merge, dry_run=arguments.dry_run) as base,
            ByteProgress(f"converting {source.label}") as progress,
            Awake(keeps_awake).during("A checkpoint is converted"),
        ):
            set_template = _template_settings(source.directory, base, template)
            matrix = chosen_matrix(arguments, source.directory, base)
            report = convert(
                source.directory,
                expanded(arguments.output),
                quants or DEFAULT_QUANTIZATIONS,
                name=arguments.name or source.name,
                merge=base,
                rope=arguments.rope,
                threads=arguments.threads,
                dry_run=arguments.dry_run,
                source=source.repository,
                revision=source.revision,
                quantized_by=arguments.quantized_by,
                imatrix=matrix,
                tensor_types=arguments.tensor_type,
                pure=arguments.pure,
                leave_output=arguments.leave_output,
                settings=[*arguments.settings, *set_template],
                requantize=arguments.requantize,
                split_max_bytes=arguments.split_max_size,
                resume=arguments.resume,
                progress=lambda at: progress(at.done_bytes, at.total_bytes, at.skipped_bytes),
                note=lambda sentence: print(f"note: {sentence}", file=sys.stderr),
            )
    except KeyboardInterrupt:
        way_on = (
            "run the same command again to resume"
            if arguments.resume
            else "nothing was kept; with --resume, an interrupted run can be continued"
        )
        print(f"interrupted: {way_on}", file=sys.stderr)
        raise
    if arguments.json:
        print(json.dumps(report.as_dict(), indent=2))
    else:
        print("\n".join(_lines(report)))
    return 0


def _check(arguments: argparse.Namespace, quants: list[str]) -> None:
    """Check the arguments before downloading anything."""
    from localqwq_convert.pack import check_name
    from localqwq_convert.recipes import check_quantizations, parse_override
    from localqwq_convert.settings import parse_setting

    check_quantizations(quants, has_imatrix=arguments.imatrix is not None)
    for text in arguments.tensor_type:
        parse_override(text)
    for text in arguments.settings:
        parse_setting(text)
    if arguments.name is not None:
        check_name(arguments.name)


def _template_settings(path: Path, base: Path | None, template: str | None) -> list[str]:
    """Return the settings that replace the model's own template with ``template``.

    Warns on stderr about problems of the template in use, before hours of work.
    """
    from localqwq.models.chat_templates import template_problem

    own = _own_templates(path, base)
    if own is None:
        return [f"{_USUAL}=str:{template}"] if template else []
    tools = template if template and own.get(_FOR_TOOLS) else own.get(_FOR_TOOLS)
    problem = template_problem(template or own.get(_USUAL), tools)
    if problem is not None:
        print(problem, file=sys.stderr)
    if template is None:
        return []
    names = [name for name in (_USUAL, _FOR_TOOLS) if name == _USUAL or own.get(name)]
    return [f"{name}=str:{template}" for name in names]


def _own_templates(path: Path, base: Path | None) -> Mapping[str, str | None] | None:
    """Return the model's templates by their keys in a GGUF.

    None if they cannot be read: the conversion reports the reason.
    """
    from localqwq.gguf.facts import read_facts
    from localqwq_convert.json_file import optional_object
    from localqwq_convert.notes import silent
    from localqwq_convert.tokenizer.template import DEFAULT, read_chat_templates

    try:
        if path.is_file():
            facts = read_facts(path)
            return {_USUAL: facts.chat_template, _FOR_TOOLS: facts.tool_template}
        folders = [one for one in (path, base) if one and (one / "tokenizer.json").is_file()]
        for folder in folders:
            settings = optional_object(folder / "tokenizer_config.json")
            found = read_chat_templates(folder, settings, silent)
            return {_USUAL: found.get(DEFAULT), _FOR_TOOLS: found.get("tool_use")}
    except LocalqwqError:
        pass
    return None


@dataclass(frozen=True, slots=True)
class _Source:
    """The location and origin of the checkpoint."""

    directory: Path
    label: str
    name: str | None = None
    repository: str | None = None
    revision: str | None = None


@contextmanager
def _found(checkpoint: str, *, dry_run: bool) -> Iterator[_Source]:
    """Yield the checkpoint in a folder, or from the hub if there is no such folder.

    A dry run needs only the headers of the weights, instead of 65 GB.
    """
    from localqwq_convert.hub.fetch import fetch, fetch_headers, parse_hub_id
    from localqwq_convert.pack import default_name

    path = expanded(checkpoint)
    hub_id = None if path.exists() else parse_hub_id(checkpoint)
    if hub_id is None:
        yield _Source(path, path.resolve().name)
        return
    label = hub_id.repository.partition("/")[2]
    with TemporaryDirectory(prefix="localqwq-") as temporary:
        if dry_run:
            fetched = fetch_headers(hub_id, Path(temporary))
        else:
            with ByteProgress(f"downloading {label}") as progress:
                fetched = fetch(hub_id, progress)
        yield _Source(
            fetched.directory, label, default_name(label), hub_id.repository, fetched.revision
        )


@contextmanager
def _base(checkpoint: str | None, *, dry_run: bool) -> Iterator[Path | None]:
    """Yield the base checkpoint of an adapter, if there is one."""
    if checkpoint is None:
        yield None
        return
    with _found(checkpoint, dry_run=dry_run) as source:
        yield source.directory


def _listed(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _size(text: str) -> int:
    """Return the bytes meant by ``45G`` or ``500M``, in powers of ten like ``gguf-split``."""
    match = re.fullmatch(r"([1-9][0-9]{0,5})([MG])B?", text, re.IGNORECASE)
    if not match:
        raise argparse.ArgumentTypeError(f"{text!r} is not a valid size: write it as 45G or 500M")
    return int(match[1]) * {"M": 10**6, "G": 10**9}[match[2].upper()]


def _lines(report: "ConversionReport") -> list[str]:
    """Return the output for people: a table of the files, and what to do with them."""
    from localqwq.sizes import readable_size

    directory = report.outputs[0].path.parent
    dry = report.seconds is None or report.peak_rss is None
    rows = [
        (
            output.quant,
            part.path.name,
            f"{part.bytes:,}" if dry else readable_size(part.bytes),
            f"{output.bits_per_weight:.2f}",
            (part.sha256 or "")[:12],
        )
        for output in report.outputs
        for part in output.parts
    ]
    headings = (
        "quantization", "file", "bytes" if dry else "size", "bits/weight", "" if dry else "sha256",
    )  # fmt: skip
    lines = [
        f"{report.architecture}, {report.parameters:,} parameters",
        "",
        *_table([headings, *rows]),
        "",
    ]
    if report.seconds is None or report.peak_rss is None:
        total = sum(output.bytes for output in report.outputs)
        return [
            *lines,
            f"dry run: {readable_size(total)} would go into {directory}; nothing was written",
        ]
    return [
        *lines,
        f"took {time_taken(report.seconds)}, with a peak of {readable_size(report.peak_rss)} of "
        "memory",
        f"install it with `localqwq models add {directory}`",
    ]


def _table(rows: "list[tuple[str, str, str, str, str]]") -> list[str]:
    """Return rows with aligned columns, numbers to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.rjust(width) if column in _NUMBERS else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
