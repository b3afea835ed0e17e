"""What a conversion will write: every file with its header, from the checkpoint's headers alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from localqwq.errors import LocalqwqError
from localqwq.gguf.split import part_name
from localqwq_convert.architectures.rules import OUTPUT
from localqwq_convert.header import OutputTensor, encode_entries, encode_header
from localqwq_convert.imatrix import Imatrix, imatrix_metadata
from localqwq_convert.recipes import (
    Override,
    is_block_quantization,
    is_matrix,
    requires_importance,
    tensor_types,
)
from localqwq_convert.settings import Setting
from localqwq_convert.source import Source
from localqwq_convert.split import cut, split_metadata


@dataclass(frozen=True, slots=True)
class Options:
    """The user's choices besides the quantizations."""

    quantized_by: str | None = None
    imatrix: Imatrix | None = None
    overrides: Sequence[Override] = ()
    split_max_bytes: int | None = None
    """Maximum bytes of tensors per file; ``None`` for a single file."""
    pure: bool = False
    """Whether every matrix gets the main type."""
    leave_output: bool = False
    """Whether the output matrix keeps its stored type."""
    settings: Sequence[Setting] = ()
    """Metadata set by the user."""


@dataclass(frozen=True, slots=True)
class PlannedFile:
    """One file to write."""

    path: Path
    header: tuple[bytes, ...]
    """Everything before the tensor data, in pieces, some of which other files share."""
    tensors: Sequence[OutputTensor]

    @property
    def bytes(self) -> int:
        """Size of the whole file."""
        tensors = sum(tensor.stored_bytes for tensor in self.tensors)
        return sum(map(len, self.header)) + tensors


@dataclass(frozen=True)
class PlannedOutput:
    """A model in one quantization: one file, or several parts."""

    quantization: str
    directory: Path
    stem: str
    """Prefix of its file names."""
    files: tuple[PlannedFile, ...]

    @cached_property
    def tensors(self) -> list[OutputTensor]:
        """The tensors of all files, in order."""
        return [tensor for file in self.files for tensor in file.tensors]

    @property
    def bytes(self) -> int:
        """Size of all files."""
        return sum(file.bytes for file in self.files)

    @property
    def journal(self) -> Path:
        """Path of the progress journal."""
        return self.directory / f".{self.stem}.journal"


def plan_outputs(
    source: Source, directory: Path, quantizations: Sequence[str], options: Options
) -> list[PlannedOutput]:
    """Return the outputs in ``directory``, one per quantization.

    Raises:
        LocalqwqError: a quantization or part size that is impossible for this model.
    """
    return [_plan_output(source, directory, name, options) for name in quantizations]


def _plan_output(
    source: Source, directory: Path, quantization: str, options: Options
) -> PlannedOutput:
    with_imatrix = options.imatrix and is_block_quantization(quantization)
    further = imatrix_metadata(options.imatrix) if options.imatrix and with_imatrix else []
    metadata = source.metadata(quantization, options.quantized_by, options.settings, further)
    tensors = _plan_tensors(source, quantization, options)
    parts = cut(tensors, options.split_max_bytes)
    stem, count = f"{source.name}-{quantization}", len(parts)
    if count == 1:
        single = PlannedFile(directory / f"{stem}.gguf", encode_header(metadata, tensors), tensors)
        return PlannedOutput(quantization, directory, stem, (single,))
    files = []
    for index, part in enumerate(parts):
        place = encode_entries(split_metadata(index, count, len(tensors)))
        header = encode_header((*metadata, place) if index == 0 else (place,), part)
        files.append(PlannedFile(directory / part_name(stem, index + 1, count), header, part))
    return PlannedOutput(quantization, directory, stem, tuple(files))


def _plan_tensors(source: Source, quantization: str, options: Options) -> list[OutputTensor]:
    types = tensor_types(
        quantization,
        [(tensor.target, tensor.shape) for tensor in source.tensors],
        source.layout,
        options.overrides,
        options.imatrix is not None,
        options.pure,
    )
    tensors = []
    for tensor, kind in zip(source.tensors, types, strict=True):
        stays = not is_matrix(tensor.target, tensor.shape) or (
            options.leave_output and tensor.target == OUTPUT.target
        )
        chosen = source.weights.stored_type(tensor) if stays else kind
        tensors.append(OutputTensor(tensor.target, tensor.shape, chosen))
    for planned in tensors:
        _check_importance(quantization, planned, options.imatrix)
    return tensors


def _check_importance(quantization: str, tensor: OutputTensor, imatrix: Imatrix | None) -> None:
    if not requires_importance(quantization, tensor.name, tensor.type):
        return
    if imatrix is None:
        raise LocalqwqError(
            f"The tensor {tensor.name} in {tensor.type} needs an importance matrix: give one with "
            "--imatrix FILE, or choose another type."
        )
    if imatrix.importance(tensor.name, tensor.shape) is None:
        raise LocalqwqError(
            f"{imatrix.path} has no values for the tensor {tensor.name}, which {tensor.type} "
            "needs: use a matrix made with this model, or choose another type."
        )
