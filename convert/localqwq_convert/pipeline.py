"""Converting a checkpoint into a pack: one read, every quantization written from it."""

import time
from collections.abc import Sequence
from pathlib import Path

from localqwq.errors import LocalqwqError
from localqwq.gguf.usual import USUAL_QUANT
from localqwq_convert.architectures.rules import EMBEDDING, OUTPUT
from localqwq_convert.flow import default_threads
from localqwq_convert.imatrix import Imatrix, read_imatrix
from localqwq_convert.notes import Note, silent
from localqwq_convert.opening import open_source
from localqwq_convert.pack import check_free_of_others, describe, of_the_same_pack, record
from localqwq_convert.plan import Options, PlannedOutput, plan_outputs
from localqwq_convert.recipes import check_quantizations, is_matrix, parse_override
from localqwq_convert.report import (
    ConversionReport,
    Output,
    OutputFile,
    peak_resident_bytes,
)
from localqwq_convert.rope import RopeChoice
from localqwq_convert.settings import parse_setting
from localqwq_convert.source import Source
from localqwq_convert.writing import Importances, ProgressCallback, write_outputs

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
    pure: bool = False,
    leave_output: bool = False,
    settings: Sequence[str] = (),
    requantize: bool = False,
    split_max_bytes: int | None = None,
    resume: bool = False,
    progress: ProgressCallback | None = None,
    note: Note = silent,
) -> ConversionReport:
    """Convert the checkpoint or GGUF file at ``checkpoint`` into a pack in ``output``.

    Args:
        checkpoint: directory with ``config.json``, tokenizer and safetensors, or a GGUF file.
        output: directory for ``<name>-<QUANT>.gguf`` and the manifest; created if missing.
        quants: the quantizations to write, all from one read.
        name: the pack's name; by default from the checkpoint's directory.
        merge: directory of the checkpoint that the LoRA adapter in ``checkpoint`` was trained on.
        rope: with YaRN if the model's makers support it, or without.
        threads: number of quantizing threads; by default all processors.
        dry_run: check everything and report sizes, but write nothing.
        source: origin of the checkpoint, for the manifest.
        revision: revision of ``source``, for the manifest.
        quantized_by: who converts, for the metadata.
        imatrix: file with importances of columns for quantizing.
        tensor_types: ``PATTERN=TYPE`` each: types for tensors whose names match.
        pure: give every matrix the quantization's main type, without better ones for some.
        leave_output: keep the output matrix in its stored type.
        settings: ``KEY=VALUE`` each: metadata of the files.
        requantize: whether to accept a quantized GGUF file.
        split_max_bytes: maximum bytes of tensors per file, for split models.
        resume: continue an unfinished conversion, and keep what this one leaves if it fails;
            otherwise leftovers are removed.
        progress: called from this thread as chunks are written.
        note: told about anything unusual in the checkpoint, before anything is written.

    Raises:
        LocalqwqError: anything wrong with checkpoint, arguments or disk. In that case, no file
            under a final name has been created or changed.
    """
    started = time.monotonic()
    quantizations = check_quantizations(quants, has_imatrix=imatrix is not None)
    overrides = [parse_override(text) for text in tensor_types]
    if threads is not None and threads < 1:
        raise LocalqwqError(f"Cannot convert with {threads} threads: give 1 or more.")
    matrix = read_imatrix(imatrix) if imatrix else None
    options = Options(
        quantized_by,
        matrix,
        overrides,
        split_max_bytes,
        pure,
        leave_output,
        [parse_setting(text) for text in settings],
    )
    with open_source(
        checkpoint, name, merge=merge, rope=rope, requantize=requantize, note=note
    ) as model:
        planned = plan_outputs(model, output, quantizations, options)
        importances = _importances(model, matrix)
        _check_effect(model, options)
        outputs = [_report(plan, model, None) for plan in planned]
        source = source or checkpoint.resolve().name
        if merge is not None:
            source = f"{source} merged into {merge.resolve().name}"
        # Also in a dry run, and before hours of work: without a valid manifest there is no pack.
        describe(model, outputs, source=source, revision=revision, settings=options.settings)
        if dry_run:
            return ConversionReport(
                model.architecture, model.parameters, tuple(outputs), None, None
            )
        _prepare(output, model, planned)
        model.map_weights()
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
            model,
            outputs,
            source=source,
            revision=revision,
            weights=written.weights,
            settings=options.settings,
        )
        manifest = of_the_same_pack(manifest, checkpoint, as_it_is=not options.settings)
        record(output, manifest, note)
    return ConversionReport(
        model.architecture,
        model.parameters,
        tuple(outputs),
        time.monotonic() - started,
        peak_resident_bytes(),
    )


def _importances(model: Source, imatrix: Imatrix | None) -> Importances:
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
            f"{imatrix.path} covers no tensor of this model: use a matrix that was made with it."
        )
    return known


def _check_effect(model: Source, options: Options) -> None:
    """Check that the user's choices have an effect, to catch typing errors."""
    if options.leave_output and not any(t.target == OUTPUT.target for t in model.tensors):
        raise LocalqwqError(
            "--leave-output has no effect: the model has no output matrix of its own, its token "
            f"embedding is used for it. Use --tensor-type {EMBEDDING.target}=TYPE instead."
        )
    names = [tensor.target for tensor in model.tensors if is_matrix(tensor.target, tensor.shape)]
    for override in options.overrides:
        if not any(override.pattern.search(name) for name in names):
            raise LocalqwqError(
                f"--tensor-type {ascii(override.pattern.pattern)[1:-1][:60]} matches no matrix of "
                f"this model: its names are like {names[-1]}."
            )


def _report(planned: PlannedOutput, model: Source, hashes: Sequence[str] | None) -> Output:
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


def _prepare(directory: Path, model: Source, planned: Sequence[PlannedOutput]) -> None:
    """Create the directory, and check that the files can be written there."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LocalqwqError(f"Cannot write to {directory}: {error.strerror or error}.") from error
    sources = {path.resolve() for path in model.paths()}
    for file in (file for output in planned for file in output.files):
        if file.path.resolve() in sources:
            raise LocalqwqError(
                f"{file.path} would be replaced by what is made of it: choose another directory, "
                "or use another --name."
            )
        if file.path.is_dir():
            raise LocalqwqError(f"{file.path} is a directory: remove it, or use another --name.")
    check_free_of_others(directory, model.name)
