"""Writing all outputs of a conversion concurrently from one read of the weights."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from localqwq.errors import LocalqwqError
from localqwq.sizes import readable_size
from localqwq_convert.chunks import Chunk, Task, cut_into_chunks
from localqwq_convert.encoder import chunk_encoder, read_ahead
from localqwq_convert.fingerprint import fingerprint
from localqwq_convert.flow import Encoded, Sink, flow
from localqwq_convert.output import OutputWriter
from localqwq_convert.plan import PlannedOutput
from localqwq_convert.report import Progress
from localqwq_convert.source import Source
from localqwq_convert.weights_digest import WeightsDigest

Importances = Mapping[str, NDArray[np.float32]]
"""Importance of each column of a matrix, by the matrix's name in GGUF."""
ProgressCallback = Callable[[Progress], None]


@dataclass(frozen=True, slots=True)
class Written:
    """The hashes of what was written, and of what it was made from."""

    hashes: list[list[str]]
    """SHA-256 of each output's files."""
    weights: str
    """SHA-256 of the weights that were read, as of ``WeightsDigest``."""


def write_outputs(
    source: Source,
    planned: Sequence[PlannedOutput],
    importances: Importances,
    *,
    threads: int,
    resume: bool,
    progress: ProgressCallback | None,
) -> Written:
    """Write all outputs from one read, then give their files their names.

    Args:
        source: the model to convert, with mapped weights.
        planned: the outputs.
        importances: importances of the matrices' columns, by name in GGUF.
        threads: number of quantizing threads.
        resume: continue from existing data, and keep what was done on failure.
        progress: called from this thread as chunks are written.

    Raises:
        LocalqwqError: weights, disk or leftovers make it impossible.
    """
    with ExitStack() as stack:
        writers = [
            stack.enter_context(
                OutputWriter(output, fingerprint(source, output, importances), resume=resume)
            )
            for output in planned
        ]
        _check_space(planned[0].directory, writers)
        digest = WeightsDigest(source)
        _write_tensors(source, writers, importances, threads, progress, digest)
        weights = digest.hexdigest()
        for writer in writers:
            writer.sync()
        for writer in writers:
            writer.commit()
        return Written([writer.hashes for writer in writers], weights)


def _check_space(directory: Path, writers: Sequence[OutputWriter]) -> None:
    try:
        free = shutil.disk_usage(directory).free
    except OSError as error:
        raise LocalqwqError(f"Cannot write to {directory}: {error.strerror or error}.") from error
    needed = sum(writer.missing_bytes for writer in writers)
    if needed > free:
        raise LocalqwqError(
            f"{directory} has {readable_size(free)} free and the conversion needs "
            f"{readable_size(needed)}: free some space, or choose another directory or fewer "
            "quantizations."
        )


def _write_tensors(
    source: Source,
    writers: Sequence[OutputWriter],
    importances: Importances,
    threads: int,
    progress: ProgressCallback | None,
    digest: WeightsDigest,
) -> None:
    tasks = _tasks(source, writers)
    wanted = [task for task in tasks if task.types]
    total = sum(task.bytes for task in tasks)
    done = skipped = total - sum(task.bytes for task in wanted)
    chunks = read_ahead(source, cut_into_chunks(wanted, threads))
    sinks = [digest.add, *(_sink(writer, writer.finished) for writer in writers)]
    with closing(flow(chunks, chunk_encoder(source, importances), sinks, threads)) as landed:
        for chunk in landed:
            done += chunk.bytes
            if progress:
                tensor = source.tensors[chunk.task.index].target
                progress(Progress(tensor, done, total, skipped))


def _tasks(source: Source, writers: Sequence[OutputWriter]) -> list[Task]:
    """Return every tensor in order, with the types that the outputs still need."""
    weights = source.weights
    return [
        Task(
            index,
            tensor.shape,
            weights.element_bytes(tensor),
            frozenset(
                writer.output.tensors[index].type for writer in writers if index >= writer.finished
            ),
        )
        for index, tensor in enumerate(source.tensors)
    ]


def _sink(writer: OutputWriter, first: int) -> Sink:
    """Return a sink that writes an output's chunks, from tensor number ``first`` on."""

    def write(chunk: Chunk, encoded: Encoded) -> None:
        index = chunk.task.index
        if index < first:
            return
        writer.write(encoded[writer.output.tensors[index].type].data)
        if chunk.last:
            writer.finish_tensor()

    return write
