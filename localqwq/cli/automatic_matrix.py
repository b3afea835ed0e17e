"""The importance matrix that ``convert --imatrix auto`` computes before it quantizes."""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from localqwq.cli.imatrix import THOUGHTS, computed
from localqwq.errors import LocalqwqError
from localqwq.locations import expanded

if TYPE_CHECKING:
    from localqwq.quality.corpus import Source

AUTO = Path("auto")
"""The value of ``--imatrix`` that means this."""
_RUNNABLE = "Q8_0"
"""What a checkpoint is converted to, so that it can run."""


def chosen_matrix(arguments: argparse.Namespace, path: Path, base: Path | None) -> Path | None:
    """Return the importance matrix that the arguments of ``convert`` mean, if any.

    Raises:
        LocalqwqError: it cannot be computed.
    """
    if arguments.imatrix != AUTO:
        return arguments.imatrix and expanded(arguments.imatrix)
    if arguments.dry_run:
        raise LocalqwqError(
            "A dry run computes no importance matrix: leave out --imatrix auto, or compute one "
            "with `localqwq imatrix`."
        )
    return automatic_matrix(
        path,
        expanded(arguments.output),
        base=base,
        threads=arguments.threads,
        resume=arguments.resume,
    )


def automatic_matrix(
    checkpoint: Path,
    output: Path,
    *,
    base: Path | None = None,
    threads: int | None = None,
    resume: bool = False,
    source: Source | None = None,
) -> Path:
    """Compute the importance matrix of a checkpoint in the folder of its pack, and return its file.

    A GGUF file is run as it is; a checkpoint is converted to Q8_0 first, which needs that much more
    space until the matrix is there.

    Args:
        checkpoint: a folder or a GGUF file.
        output: the folder of the pack.
        base: the checkpoint that an adapter is merged into.
        threads: threads for quantizing.
        resume: whether a matrix that an earlier run finished is used again, and a model that it
            converted is kept when this one is interrupted.
        source: what to calibrate on; None for the model's own thoughts.

    Raises:
        LocalqwqError: the checkpoint cannot be converted, or the model does not fit this machine.
    """
    from localqwq.models.spec import resolve
    from localqwq.quality.corpus import Source
    from localqwq_convert.pipeline import convert

    file = output / "imatrix.gguf"
    if resume and file.is_file():
        return file
    output.mkdir(parents=True, exist_ok=True)
    folder = output / ".calibration"
    whole = False
    try:
        model = checkpoint
        if not checkpoint.is_file():
            print(f"converting to {_RUNNABLE} first, to compute the matrix", file=sys.stderr)
            report = convert(
                checkpoint,
                folder,
                [_RUNNABLE],
                name="calibration",
                merge=base,
                threads=threads,
                resume=resume,
            )
            model = report.outputs[0].parts[0].path
        computed(resolve(str(model)), source or Source("thoughts", count=THOUGHTS), file)
        whole = True
    finally:
        if whole or not resume:
            shutil.rmtree(folder, ignore_errors=True)
    return file
