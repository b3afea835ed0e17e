"""The conversion of a checkpoint into a pack: one read, every quantization written from it."""

import time
from collections.abc import Sequence
from pathlib import Path

from localqwq.errors import LocalqwqError
from localqwq.gguf.usual import USUAL_QUANT
from localqwq_convert.adapter import open_merged
from localqwq_convert.checkpoint import Checkpoint, open_checkpoint
from localqwq_convert.flow import default_threads
from localqwq_convert.imatrix import Imatrix, read_imatrix
from localqwq_convert.model import SourceModel, read_model
from localqwq_convert.notes import Note, silent
from localqwq_convert.pack import check_free_of_others, check_name, default_name, describe, record
from localqwq_convert.plan import Options, PlannedOutput, plan_outputs
from localqwq_convert.recipes import Override, check_quantizations, is_matrix, parse_override
from localqwq_convert.report import (
    ConversionReport,
    Output,
    OutputFile,
    peak_resident_bytes,
)
from localqwq_convert.rope import RopeChoice
from localqwq_convert.writing import Importances, Report, write_outputs

DEFAULT_QUANTIZATIONS = (USUAL_QUANT,)


def convert(
    checkpoint: Path,
    output: Path,
    quants: Sequence[str] = DEFAULT_QUANTIZATIONS,
    *,
    name: str | None = None,
    merge: Path | None = None,
    rope: RopeChoice = "yarn",
    threads: int | None = None,
    dry_run: bool = False,
    source: str | None = None,
    revision: str | None = None,
    quantized_by: str | None = None,
    imatrix: Path | None = None,
    tensor_types: Sequence[str] = (),
    split_max_bytes: int | None = None,
    resume: bool = False,
    progress: Report | None = None,
    note: Note = silent,
) -> ConversionReport:
    """Convert the checkpoint in the directory ``checkpoint`` into a pack in ``output``.

    Args:
        checkpoint: directory with ``config.json``, tokenizer and safetensors.
        output: directory for ``<name>-<QUANT>.gguf`` and the manifest; made where missing.
        quants: the quantizations to write, all from one read.
        name: the pack's name; the checkpoint's directory names it otherwise.
        merge: directory of the checkpoint that the LoRA adapter in ``checkpoint`` was trained on.
        rope: with YaRN where the model's makers support it, or without.
        threads: threads that quantize; all processors otherwise.
        dry_run: check everything and report sizes, and write nothing.
        source: where the checkpoint came from, for the manifest.
        revision: which revision of ``source``, for the manifest.
        quantized_by: who converts, for the metadata.
        imatrix: file with importances of columns, which the quantizations then heed.
        tensor_types: ``PATTERN=TYPE`` each: types for tensors whose names match.
        split_max_bytes: bytes of tensors in one file, for models in several files.
        resume: go on with what an unfinished conversion left, and keep what this one leaves if
            it fails; otherwise such leftovers are removed.
        progress: called from this thread as chunks are written.
        note: told what is unusual about the checkpoint, before anything is written.

    Raises:
        LocalqwqError: anything that is wrong with checkpoint, arguments or disk. No file under a
            final name was made or changed then.
    """
    started = time.monotonic()
    quantizations = check_quantizations(quants, has_imatrix=imatrix is not None)
    overrides = [parse_override(text) for text in tensor_types]
    if threads is not None and threads < 1:
        raise LocalqwqError(f"Cannot convert with {threads} threads: give 1 or more.")
    matrix = read_imatrix(imatrix) if imatrix else None
    options = Options(quantized_by, matrix, overrides, split_max_bytes)
    with _opened(checkpoint, merge, note) as opened:
        model = read_model(opened, _pack_name(checkpoint, name), rope, note)
        planned = plan_outputs(model, output, quantizations, options)
        importances = _importances(model, matrix)
        _check_overrides(model, overrides)
        outputs = [_report(plan, model, None) for plan in planned]
        source = source or checkpoint.resolve().name
        if merge is not None:
            source = f"{source} merged into {merge.resolve().name}"
        # Also in a dry run, and before hours of work: what cannot be described cannot be a pack.
        describe(model, outputs, source=source, revision=revision)
        if dry_run:
            return ConversionReport(
                model.architecture.name, model.parameters, tuple(outputs), None, None
            )
        _prepare(output, model, planned)
        opened.map_shards()
        written = write_outputs(
            model,
            planned,
            importances,
            threads=threads or default_threads(),
            resume=resume,
            progress=progress,
        )
        outputs = [
            _report(plan, model, sums) for plan, sums in zip(planned, written.hashes, strict=True)
        ]
        manifest = describe(
            model, outputs, source=source, revision=revision, weights=written.weights
        )
        record(output, manifest, note)
    return ConversionReport(
        model.architecture.name,
        model.parameters,
        tuple(outputs),
        time.monotonic() - started,
        peak_resident_bytes(),
    )


def _opened(checkpoint: Path, merge: Path | None, note: Note) -> Checkpoint:
    if merge is None:
        return open_checkpoint(checkpoint, note)
    return open_merged(checkpoint, merge, note)


def _pack_name(checkpoint: Path, name: str | None) -> str:
    name = default_name(checkpoint.resolve().name) if name is None else name
    check_name(name)
    return name


def _importances(model: SourceModel, imatrix: Imatrix | None) -> Importances:
    if imatrix is None:
        return {}
    found = {
        tensor.target: imatrix.importance(tensor.target, tensor.shape)
        for tensor in model.tensors
        if is_matrix(tensor.target, tensor.shape)
    }
    known = {name: values for name, values in found.items() if values is not None}
    if not known:
        raise LocalqwqError(
            f"{imatrix.path} says nothing of any tensor of this model: use a matrix that was made "
            "with it."
        )
    return known


def _check_overrides(model: SourceModel, overrides: Sequence[Override]) -> None:
    """See that each override is for some tensor: a typing error would have no effect."""
    names = [tensor.target for tensor in model.tensors if is_matrix(tensor.target, tensor.shape)]
    for override in overrides:
        if not any(override.pattern.search(name) for name in names):
            raise LocalqwqError(
                f"--tensor-type {ascii(override.pattern.pattern)[1:-1][:60]} matches no matrix of "
                f"this model: its names are like {names[-1]}."
            )


def _report(planned: PlannedOutput, model: SourceModel, hashes: Sequence[str] | None) -> Output:
    size = sum(tensor.bytes for tensor in planned.tensors)
    return Output(
        planned.quantization,
        tuple(
            OutputFile(file.path, file.bytes, hashes[index] if hashes else None)
            for index, file in enumerate(planned.files)
        ),
        len(planned.tensors),
        size,
        round(8 * size / model.parameters, 4),
    )


def _prepare(directory: Path, model: SourceModel, planned: Sequence[PlannedOutput]) -> None:
    """Make the directory, and see that the files can be put there."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LocalqwqError(f"Cannot write to {directory}: {error.strerror or error}.") from error
    for file in (file for output in planned for file in output.files):
        if file.path.is_dir():
            raise LocalqwqError(f"{file.path} is a directory: remove it, or use another --name.")
    check_free_of_others(directory, model.name)
