"""``localqwq imatrix``: an importance matrix of a model, for better small quantizations."""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from localqwq.cli import help_texts
from localqwq.cli.corpus_options import add_corpus_options, sources
from localqwq.cli.launch_options import add_launch_options, launch_options
from localqwq.cli.measuring import chats_shown, resumable, tokens_shown
from localqwq.cli.progress import ByteProgress
from localqwq.errors import LocalqwqError
from localqwq.locations import expanded

if TYPE_CHECKING:
    from localqwq.models.launch_options import LaunchOptions
    from localqwq.models.spec import ResolvedModel
    from localqwq.quality.corpus import Source

THOUGHTS = 32
"""Conversations if no source is named: one about each of our prompts."""

_DESCRIPTION = """\
Measure how much each column of a model's matrices matters, for `convert --imatrix`:
the sum of squares of its inputs, over a text, over chats, or over the model's own
thoughts. The file has llama-imatrix's format and, on the same text, its values.

An interrupted run continues where it was. Use a precise file of the model: BF16 or
Q8_0."""

_EPILOG = """\
examples:
  localqwq imatrix qwq-32b:Q8_0 -o qwq.imatrix.gguf
      from the model's own thoughts about prompts that come with localqwq
  localqwq imatrix ./model-BF16.gguf -o qwq.imatrix.gguf --text calibration.txt
      the same as llama-imatrix -f calibration.txt
  localqwq convert Qwen/QwQ-32B -o packs/qwq-32b --quant IQ3_XXS --imatrix qwq.imatrix.gguf
      use it"""


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command's arguments."""
    parser = subparsers.add_parser(
        "imatrix",
        help="compute an importance matrix for small quantizations",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("model", metavar="MODEL", help=help_texts.MEASURED_MODEL)
    parser.add_argument(
        "-o", "--output", metavar="FILE", type=Path, required=True, help="file to write"
    )
    add_corpus_options(parser, "calibrate")
    parser.add_argument("--json", action="store_true", help=help_texts.JSON)
    add_launch_options(parser, context=False)


def run(arguments: argparse.Namespace) -> int:
    """Compute the matrix, and print what it was computed from."""
    from localqwq.cli.model_offer import resolved_or_pulled

    named = sources(arguments, THOUGHTS)
    if len(named) > 1:
        raise LocalqwqError("Name one source: --text, --chat or --own-thoughts.")
    resolved = resolved_or_pulled(arguments.model)
    document = computed(resolved, named[0], expanded(arguments.output), launch_options(arguments))
    if arguments.json:
        print(json.dumps(document, indent=2))
    else:
        print(
            f"{document['path']}: {document['matrices']} matrices, from {document['tokens']:,} "
            f"tokens of {document['dataset']}"
        )
        print(f"use it with `localqwq convert … --imatrix {document['path']}`")
    return 0


def computed(
    resolved: ResolvedModel, source: Source, output: Path, options: LaunchOptions | None = None
) -> dict[str, object]:
    """Compute an importance matrix, show the progress, and return what is known of it.

    Raises:
        LocalqwqError: the model does not fit, or the source has too few tokens.
    """
    from localqwq.hardware.awake import Awake
    from localqwq.quality.chunks import CHUNK, PARALLEL, chunk_count
    from localqwq.quality.corpus import tokens_of
    from localqwq.quality.imatrix import collected
    from localqwq.quality.launching import measuring_launch
    from localqwq.settings.wakefulness import keeps_awake
    from localqwq_convert.imatrix_writing import write_imatrix

    began = time.monotonic()
    if not output.parent.is_dir():
        raise LocalqwqError(f"There is no folder {output.parent}: create it first.")
    planned = measuring_launch(resolved, options, PARALLEL)
    state = output.with_name(f".{output.name}.sums")
    with (
        TemporaryDirectory(prefix="localqwq-") as temporary,
        Awake(keeps_awake).during("An importance matrix is computed"),
        resumable(),
    ):
        folder = Path(temporary)
        with ByteProgress(f"{resolved.spec} thinks", chats_shown) as bar:
            tokens = tokens_of(source, resolved, "calibrating", folder, options, bar)
        with ByteProgress(f"calibrating {resolved.spec}", tokens_shown) as bar:
            sums = collected(planned, tokens, state, folder, bar)
    # As llama-imatrix counts them: without the last tokens of a batch, if they are too few.
    chunks = max(sums.counts.values()) // CHUNK
    write_imatrix(
        output,
        sums.sums,
        sums.counts,
        datasets=[source.label],
        chunks=chunks,
        chunk_size=CHUNK,
    )
    state.unlink(missing_ok=True)
    return {
        "path": str(output),
        "model": resolved.spec,
        "dataset": source.label,
        "tokens": chunk_count(len(tokens)) * CHUNK,
        "chunks": chunks,
        "matrices": len(sums.sums),
        "seconds": time.monotonic() - began,
    }
