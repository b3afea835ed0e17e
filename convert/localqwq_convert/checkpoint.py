"""A Hugging Face checkpoint: a directory with ``config.json`` and safetensors shards."""

import contextlib
import mmap
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
"""How numpy views each type of weight; it has no BF16 of its own."""
_NEIGHBOURHOOD = 1 << 16
"""Bytes around a page that Linux maps along with it (``fault_around_bytes``)."""


@dataclass(frozen=True)
class Checkpoint:
    """An opened checkpoint; a context manager that unmaps its shards at the end."""

    directory: Path
    config: Mapping[str, Any]
    generation_config: Mapping[str, Any]
    tensors: Mapping[str, StoredTensor]
    """By the names that Transformers has for them."""
    products: Mapping[str, LowRank] = field(default_factory=dict)
    """What an adapter adds to tensors, by the same names."""
    tokenizer_directory: Path | None = None
    """Where the tokenizer is; ``None`` for ``directory``."""
    card_directory: Path | None = None
    """Where the model card is; ``None`` for ``directory``."""
    _maps: dict[Path, mmap.mmap] = field(default_factory=dict, repr=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        for shard in self._maps.values():
            # After a failure a traceback may still hold views; the map goes with the last of them.
            with contextlib.suppress(BufferError):
                shard.close()
        self._maps.clear()

    def map_shards(self) -> None:
        """Map every shard into memory that is not yet; nothing is read.

        Raises:
            LocalqwqError: a shard cannot be opened.
        """
        for path in {tensor.path for tensor in self.stored()} - self._maps.keys():
            try:
                with path.open("rb") as stream:
                    self._maps[path] = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
            except OSError as error:
                raise LocalqwqError(f"Cannot read {path}: {error.strerror or error}.") from error

    def stored(self) -> Iterator[StoredTensor]:
        """Every tensor that the model's weights are made of."""
        yield from self.tensors.values()
        for product in self.products.values():
            yield from (product.a, product.b)

    def rows(self, tensor: StoredTensor, start: int, stop: int) -> NDArray[np.generic]:
        """A view of rows ``start`` to ``stop`` of a tensor, as (rows, columns).

        A vector counts as one row. BF16 comes as its raw bits in ``uint16``.
        """
        columns = tensor.shape[-1]
        dtype = np.dtype(_STORED[tensor.dtype])
        flat = np.frombuffer(
            self._maps[tensor.path],
            dtype=dtype,
            count=(stop - start) * columns,
            offset=tensor.offset + start * columns * dtype.itemsize,
        )
        return flat.reshape(stop - start, columns)

    def prefetch(self, tensor: StoredTensor, start: int, stop: int) -> None:
        """Have the system read these rows from the disk, without waiting for it."""
        first, length = _pages(tensor, start, stop)
        self._maps[tensor.path].madvise(mmap.MADV_WILLNEED, first, length)

    def release(self, tensor: StoredTensor, start: int, stop: int) -> None:
        """Let the system drop these rows' pages, so that memory does not grow with the model.

        Pages around them are dropped too: the system maps some neighbours of every page that is
        read, and nobody else would drop those. Who still needs them has them mapped again.
        """
        first, length = _pages(tensor, start, stop, margin=_NEIGHBOURHOOD)
        shard = self._maps[tensor.path]
        shard.madvise(mmap.MADV_DONTNEED, first, min(length, len(shard) - first))


def _pages(tensor: StoredTensor, start: int, stop: int, margin: int = 0) -> tuple[int, int]:
    """Position and length of the whole pages that hold these rows."""
    row = tensor.shape[-1] * DTYPE_BYTES[tensor.dtype]
    first = max(0, tensor.offset + start * row - margin) // mmap.PAGESIZE * mmap.PAGESIZE
    return first, tensor.offset + stop * row + margin - first


def as_f32(rows: NDArray[np.generic], dtype: str) -> F32Rows:
    """The values of stored rows; ``dtype`` is the type that they are stored in."""
    if dtype == "BF16":
        # BF16 is the upper half of F32.
        bits = rows.astype(np.uint32)
        bits <<= np.uint32(16)
        return bits.view(np.float32)
    # A value beyond F32 becomes infinite, which whoever quantizes it names.
    with np.errstate(over="ignore"):
        return np.ascontiguousarray(rows, dtype=np.float32)


def open_checkpoint(directory: Path, note: Note = silent) -> Checkpoint:
    """Read the configuration and every shard's header of the checkpoint in ``directory``.

    Args:
        directory: of the checkpoint.
        note: told what is unusual about its files.

    Raises:
        LocalqwqError: no checkpoint, a damaged one, or one that cannot be converted safely.
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
    """The tensors by the names that Transformers has for them."""
    try:
        names = canonical_names(tensors)
    except ValueError as error:
        raise LocalqwqError(f"{directory} has one tensor under two names: {error}.") from error
    for stored, name in names.items():
        if stored != name:
            note(f"{directory} names its tensors otherwise: {stored!a} is read as {name!r}.")
            break
    return {name: tensors[stored] for stored, name in names.items()}
