"""The conversion of a checkpoint into a pack: one read, every quantization written from it."""

import contextlib
import re
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from localqwq.errors import LocalqwqError
from localqwq_convert.checkpoint import open_checkpoint
from localqwq_convert.chunks import Task, default_threads, encode
from localqwq_convert.header import OutputTensor, file_bytes, header_bytes, padding
from localqwq_convert.metadata import closing_metadata, model_metadata, tokenizer_metadata
from localqwq_convert.model import SourceModel, read_model
from localqwq_convert.output import PartialFile
from localqwq_convert.pack import check_free_of_others, check_name, record
from localqwq_convert.recipes import Layout, check_quantizations, tensor_type
from localqwq_convert.report import ConversionReport, Output, Progress, peak_resident_bytes
from localqwq_convert.rope import RopeChoice

DEFAULT_QUANTIZATIONS = ("Q4_K_M",)


@dataclass(frozen=True, slots=True)
class _File:
    """One file to write."""

    quantization: str
    path: Path
    header: bytes
    tensors: list[OutputTensor]

    @property
    def bytes(self) -> int:
        return file_bytes(self.header, self.tensors)

    def output(self, parameters: int, sha256: str | None) -> Output:
        bits = 8 * sum(tensor.bytes for tensor in self.tensors) / parameters
        return Output(
            self.quantization, self.path, self.bytes, sha256, len(self.tensors), round(bits, 4)
        )


def convert(
    checkpoint: Path,
    output: Path,
    quants: Sequence[str] = DEFAULT_QUANTIZATIONS,
    *,
    name: str | None = None,
    rope: RopeChoice = "yarn",
    threads: int | None = None,
    dry_run: bool = False,
    source: str | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> ConversionReport:
    """Convert the checkpoint in the directory ``checkpoint`` into a pack in ``output``.

    Args:
        checkpoint: directory with ``config.json``, tokenizer and safetensors.
        output: directory for ``<name>-<QUANT>.gguf`` and ``pack.json``; made where missing.
        quants: the quantizations to write, all from one read.
        name: the pack's name; the checkpoint's directory names it otherwise.
        rope: with YaRN where the model's makers support it, or without.
        threads: threads that quantize; all processors otherwise.
        dry_run: check everything and report sizes, and write nothing.
        source: where the checkpoint came from, for the manifest.
        progress: called from this thread as tensors are written.

    Raises:
        LocalqwqError: anything that is wrong with checkpoint, arguments or disk. No file under a
            final name was made or changed then.
    """
    started = time.monotonic()
    quantizations = check_quantizations(quants)
    if threads is not None and threads < 1:
        raise LocalqwqError(f"Cannot convert with {threads} threads: give 1 or more.")
    with open_checkpoint(checkpoint) as opened:
        model = read_model(opened, _pack_name(checkpoint, name), rope)
        files = [_plan_file(model, output, quantization) for quantization in quantizations]
        hashes: Sequence[str | None] = [None] * len(files)
        if not dry_run:
            _prepare(output, files)
            check_free_of_others(output, model.name)
            opened.map_shards()
            hashes = _write(model, files, threads or default_threads(), progress)
        outputs = tuple(
            file.output(model.parameters, sha256)
            for file, sha256 in zip(files, hashes, strict=True)
        )
        if not dry_run:
            record(
                output,
                name=model.name,
                architecture=model.architecture.name,
                parameters=model.parameters,
                context=model.rope.context,
                license_name=model.license,
                source=source or _printable(checkpoint.resolve().name),
                outputs=outputs,
            )
    return ConversionReport(
        model.architecture.name,
        model.parameters,
        outputs,
        None if dry_run else time.monotonic() - started,
        None if dry_run else peak_resident_bytes(),
    )


def _pack_name(checkpoint: Path, name: str | None) -> str:
    if name is None:
        name = re.sub(r"[^a-z0-9._-]+", "-", checkpoint.resolve().name.lower()).strip("-._")
    check_name(name)
    return name


def _printable(text: str) -> str:
    return "".join(letter for letter in text if letter.isprintable())[:400]


def _plan_file(model: SourceModel, output: Path, quantization: str) -> _File:
    layout = Layout(model.dimensions.layers, model.dimensions.tied)
    tensors = [
        OutputTensor(
            tensor.target,
            tensor.shape,
            tensor_type(quantization, tensor.target, tensor.shape, layout),
        )
        for tensor in model.tensors
    ]
    metadata = [
        *model_metadata(
            architecture=model.architecture.name,
            name=model.name,
            license_name=model.license,
            parameters=model.parameters,
            dimensions=model.dimensions,
            rope=model.rope,
            config=model.checkpoint.config,
            generation_config=model.checkpoint.generation_config,
            quantization=quantization,
        ),
        *tokenizer_metadata(model.tokenizer),
        *closing_metadata(quantization),
    ]
    path = output / f"{model.name}-{quantization}.gguf"
    return _File(quantization, path, header_bytes(metadata, tensors), tensors)


def _prepare(output: Path, files: Sequence[_File]) -> None:
    """Make the directory, and see that everything will fit and can be put there."""
    try:
        output.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(output).free
    except OSError as error:
        raise LocalqwqError(f"Cannot write to {output}: {error.strerror or error}.") from error
    for file in files:
        if file.path.is_dir():
            raise LocalqwqError(f"{file.path} is a directory: remove it, or use another --name.")
    needed = sum(file.bytes for file in files)
    if needed > free:
        raise LocalqwqError(
            f"{output} has {free / 1e9:.1f} GB free and the conversion needs "
            f"{needed / 1e9:.1f} GB: free some space, or choose another directory or fewer "
            "quantizations."
        )


def _write(
    model: SourceModel,
    files: Sequence[_File],
    threads: int,
    progress: Callable[[Progress], None] | None,
) -> list[str]:
    """Write all files and then give them their names; their SHA-256s."""
    with contextlib.ExitStack() as stack:
        partials = [stack.enter_context(PartialFile(file.path)) for file in files]
        for file, partial in zip(files, partials, strict=True):
            partial.write(file.header)
        _write_tensors(model, files, partials, threads, progress)
        for partial in partials:
            partial.flush()
        for partial in partials:
            partial.commit()
        return [partial.sha256 for partial in partials]


def _write_tensors(
    model: SourceModel,
    files: Sequence[_File],
    partials: Sequence[PartialFile],
    threads: int,
    progress: Callable[[Progress], None] | None,
) -> None:
    stored = [model.checkpoint.tensors[tensor.source] for tensor in model.tensors]
    tasks = [
        Task(tensor, frozenset(file.tensors[index].type for file in files))
        for index, tensor in enumerate(stored)
    ]
    total, done, index = sum(tensor.bytes for tensor in stored), 0, 0
    with contextlib.closing(encode(model.checkpoint, tasks, threads)) as chunks:
        for chunk in chunks:
            for file, partial in zip(files, partials, strict=True):
                tensor = file.tensors[index]
                partial.write(chunk.encoded[tensor.type].data)
                if chunk.last:
                    partial.write(bytes(padding(tensor.bytes)))
            if chunk.last:
                done += stored[index].bytes
                if progress:
                    progress(Progress(model.tensors[index].target, done, total))
                index += 1
