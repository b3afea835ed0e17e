"""What a conversion will write: every file with its header, from the checkpoint's headers alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from localqwq.errors import LocalqwqError
from localqwq.gguf.split import part_name
from localqwq_convert.header import Block, OutputTensor, encode_entries, encode_header
from localqwq_convert.imatrix import Imatrix, imatrix_metadata
from localqwq_convert.metadata import closing_metadata, model_metadata, tokenizer_metadata
from localqwq_convert.model import SourceModel
from localqwq_convert.recipes import (
    Layout,
    Override,
    is_block_quantization,
    requires_importance,
    tensor_types,
)
from localqwq_convert.split import cut, split_metadata


@dataclass(frozen=True, slots=True)
class Options:
    """What the person chose besides the quantizations."""

    quantized_by: str | None = None
    imatrix: Imatrix | None = None
    overrides: Sequence[Override] = ()
    split_max_bytes: int | None = None
    """Bytes of tensors in one file; ``None`` for everything in one."""


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
    """What the names of its files begin with."""
    files: tuple[PlannedFile, ...]

    @cached_property
    def tensors(self) -> list[OutputTensor]:
        """Those of all files, in order."""
        return [tensor for file in self.files for tensor in file.tensors]

    @property
    def bytes(self) -> int:
        """Size of all files."""
        return sum(file.bytes for file in self.files)

    @property
    def journal(self) -> Path:
        """Where it is noted how far the output is."""
        return self.directory / f".{self.stem}.journal"


def plan_outputs(
    model: SourceModel, directory: Path, quantizations: Sequence[str], options: Options
) -> list[PlannedOutput]:
    """The outputs in ``directory``, one for each quantization.

    Raises:
        LocalqwqError: a quantization or a size of parts that this model cannot have.
    """
    tokenizer = encode_entries(tokenizer_metadata(model.tokenizer))
    return [
        _plan_output(model, directory, quantization, options, tokenizer)
        for quantization in quantizations
    ]


def _plan_output(
    model: SourceModel, directory: Path, quantization: str, options: Options, tokenizer: Block
) -> PlannedOutput:
    closing = closing_metadata(quantization)
    if options.imatrix and is_block_quantization(quantization):
        closing += imatrix_metadata(options.imatrix)
    opening = encode_entries(model_metadata(model, quantization, options.quantized_by))
    metadata = (opening, tokenizer, encode_entries(closing))
    tensors = _plan_tensors(model, quantization, options)
    parts = cut(tensors, options.split_max_bytes)
    stem, count = f"{model.name}-{quantization}", len(parts)
    if count == 1:
        single = PlannedFile(directory / f"{stem}.gguf", encode_header(metadata, tensors), tensors)
        return PlannedOutput(quantization, directory, stem, (single,))
    files = []
    for index, part in enumerate(parts):
        place = encode_entries(split_metadata(index, count, len(tensors)))
        header = encode_header((*metadata, place) if index == 0 else (place,), part)
        files.append(PlannedFile(directory / part_name(stem, index + 1, count), header, part))
    return PlannedOutput(quantization, directory, stem, tuple(files))


def _plan_tensors(model: SourceModel, quantization: str, options: Options) -> list[OutputTensor]:
    dimensions, imatrix = model.dimensions, options.imatrix
    layout = Layout(
        model.architecture.name,
        dimensions.layers,
        dimensions.heads,
        dimensions.kv_heads,
        dimensions.tied,
    )
    types = tensor_types(
        quantization,
        [(tensor.target, tensor.shape) for tensor in model.tensors],
        layout,
        options.overrides,
        imatrix is not None,
    )
    tensors = [
        OutputTensor(tensor.target, tensor.shape, kind)
        for tensor, kind in zip(model.tensors, types, strict=True)
    ]
    for tensor in tensors:
        _check_importance(quantization, tensor, imatrix)
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
            f"{imatrix.path} says nothing of the tensor {tensor.name}, which {tensor.type} needs: "
            "use a matrix of this very model, or choose another type."
        )
