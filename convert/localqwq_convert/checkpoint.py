"""A Hugging Face checkpoint: a directory with ``config.json`` and safetensors shards."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from localqwq.errors import LocalqwqError
from localqwq_convert.directory import check_directory
from localqwq_convert.json_file import optional_object, read_object
from localqwq_convert.low_rank import LowRank
from localqwq_convert.mapped_files import MappedFiles
from localqwq_convert.notes import Note, silent
from localqwq_convert.quantized import check_configuration, check_types
from localqwq_convert.safetensors import DTYPE_BYTES, StoredTensor
from localqwq_convert.shards import read_weights
from localqwq_convert.tensor_names import canonical_names, check_merged

F32Rows = NDArray[np.float32]

_STORED: dict[str, type[np.generic]] = {
    "BF16": np.uint16,
    "F16": np.float16,
    "F32": np.float32,
    "F64": np.float64,
}
"""numpy's types for stored weights; it has no BF16."""


@dataclass(frozen=True)
class Checkpoint:
    """An opened checkpoint; a context manager that unmaps its shards on exit."""

    directory: Path
    config: Mapping[str, Any]
    generation_config: Mapping[str, Any]
    tensors: Mapping[str, StoredTensor]
    """Tensors by Transformers' names."""
    products: Mapping[str, LowRank] = field(default_factory=dict)
    """An adapter's additions to tensors, by the same names."""
    tokenizer_directory: Path | None = None
    """Directory of the tokenizer; ``None`` for ``directory``."""
    card_directory: Path | None = None
    """Directory of the model card; ``None`` for ``directory``."""
    _files: MappedFiles = field(default_factory=MappedFiles, repr=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._files.close()

    def map_shards(self) -> None:
        """Map all shards that are not mapped yet; nothing is read.

        Raises:
            LocalqwqError: a shard cannot be opened.
        """
        self._files.map({tensor.path for tensor in self.stored()})

    def stored(self) -> Iterator[StoredTensor]:
        """Yield every tensor of the model's weights."""
        yield from self.tensors.values()
        for product in self.products.values():
            yield from (product.a, product.b)

    def rows(self, tensor: StoredTensor, start: int, stop: int) -> NDArray[np.generic]:
        """Return a view of rows ``start`` to ``stop`` of a tensor, as (rows, columns).

        A vector counts as one row. BF16 is returned as its raw bits in ``uint16``.
        """
        columns = tensor.shape[-1]
        dtype = np.dtype(_STORED[tensor.dtype])
        offset = tensor.offset + start * columns * dtype.itemsize
        flat = self._files.view(tensor.path, dtype, (stop - start) * columns, offset)
        return flat.reshape(stop - start, columns)

    def prefetch(self, tensor: StoredTensor, start: int, stop: int) -> None:
        """Make the system read these rows from the disk, without waiting."""
        self._files.prefetch(tensor.path, *_place(tensor, start, stop))

    def release(self, tensor: StoredTensor, start: int, stop: int) -> None:
        """Let the system drop these rows' pages, so that memory use does not grow with the
        model.
        """
        self._files.release(tensor.path, *_place(tensor, start, stop))


def _place(tensor: StoredTensor, start: int, stop: int) -> tuple[int, int]:
    """Return position and size of these rows in their file, in bytes."""
    row = tensor.shape[-1] * DTYPE_BYTES[tensor.dtype]
    return tensor.offset + start * row, (stop - start) * row


def as_f32(rows: NDArray[np.generic], dtype: str) -> F32Rows:
    """Return stored rows, whose type is ``dtype``, in F32."""
    if dtype == "BF16":
        # BF16 is the upper half of F32.
        bits = rows.astype(np.uint32)
        bits <<= np.uint32(16)
        return bits.view(np.float32)
    # A value beyond F32 becomes infinite, which the quantizer reports.
    with np.errstate(over="ignore"):
        return np.ascontiguousarray(rows, dtype=np.float32)


def open_checkpoint(directory: Path, note: Note = silent) -> Checkpoint:
    """Read the configuration and every shard's header of the checkpoint in ``directory``.

    Args:
        directory: the checkpoint's directory.
        note: told about anything unusual.

    Raises:
        LocalqwqError: not a checkpoint, a damaged one, or one that cannot be converted safely.
    """
    check_directory(directory)
    config = read_object(directory / "config.json")
    check_configuration(directory, config)
    tensors = read_weights(directory, note)
    check_types(directory, tensors)
    check_merged(tensors, str(directory))
    generation = optional_object(directory / "generation_config.json")
    return Checkpoint(directory, config, generation, _named(directory, tensors, note))


def _named(
    directory: Path, tensors: Mapping[str, StoredTensor], note: Note
) -> dict[str, StoredTensor]:
    """Return the tensors by Transformers' names."""
    try:
        names = canonical_names(tensors)
    except ValueError as error:
        raise LocalqwqError(f"{directory} has one tensor under two names: {error}.") from error
    for stored, name in names.items():
        if stored != name:
            note(f"{directory} uses other tensor names: {stored!a} is read as {name!r}.")
            break
    return {name: tensors[stored] for stored, name in names.items()}
