"""A Hugging Face checkpoint: a directory with ``config.json`` and safetensors shards."""

import contextlib
import mmap
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from localqwq.errors import LocalqwqError
from localqwq_convert.json_file import optional_object, read_object
from localqwq_convert.safetensors import DTYPE_BYTES, StoredTensor, read_tensors

F32Rows = NDArray[np.float32]

SINGLE = "model.safetensors"
INDEX = "model.safetensors.index.json"

_PICKLED = ("*.bin", "*.pt", "*.pth", "*.ckpt")
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
        for path in {tensor.path for tensor in self.tensors.values()} - self._maps.keys():
            try:
                with path.open("rb") as stream:
                    self._maps[path] = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
            except OSError as error:
                raise LocalqwqError(f"Cannot read {path}: {error.strerror or error}.") from error

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


def open_checkpoint(directory: Path) -> Checkpoint:
    """Read the configuration and every shard's header of the checkpoint in ``directory``.

    Raises:
        LocalqwqError: no checkpoint, a damaged one, or one that cannot be converted safely.
    """
    if not directory.exists():
        raise LocalqwqError(f"{directory} does not exist: name the directory of a checkpoint.")
    if not directory.is_dir():
        raise LocalqwqError(
            f"{directory} is a file: name the directory that holds a checkpoint's config.json "
            "and safetensors files."
        )
    if not (directory / "config.json").is_file():
        raise LocalqwqError(
            f"{directory} is no checkpoint: it has no config.json. Name the directory that "
            "holds config.json and the safetensors files."
        )
    config = read_object(directory / "config.json")
    if isinstance(quantization := config.get("quantization_config"), dict):
        method = ascii(quantization.get("quant_method", "unknown"))[:40]
        raise LocalqwqError(
            f"{directory} is quantized already (method {method}): convert the original "
            "checkpoint in BF16, F16 or F32."
        )
    tensors = _tensors(directory)
    _check_types(directory, tensors)
    generation = optional_object(directory / "generation_config.json")
    return Checkpoint(directory, config, generation, tensors)


def _tensors(directory: Path) -> dict[str, StoredTensor]:
    if (directory / SINGLE).is_file():
        return read_tensors(directory / SINGLE)
    if (directory / INDEX).is_file():
        return _sharded(directory)
    if pickled := next((path for form in _PICKLED for path in directory.glob(form)), None):
        raise LocalqwqError(
            f"{directory} has its weights only as pickles ({pickled.name}), which can run any "
            "program when they are read: save the checkpoint as safetensors first."
        )
    raise LocalqwqError(
        f"{directory} has no weights: neither {SINGLE} nor {INDEX} is there. "
        "Download the whole checkpoint."
    )


def _sharded(directory: Path) -> dict[str, StoredTensor]:
    index = directory / INDEX
    placement = read_object(index).get("weight_map")
    if not isinstance(placement, dict) or not placement:
        raise LocalqwqError(f"{index} has no weight_map: download it again.")
    shards: dict[str, dict[str, StoredTensor]] = {}
    tensors: dict[str, StoredTensor] = {}
    for name, shard in placement.items():
        if not isinstance(shard, str) or PurePath(shard).name != shard:
            raise LocalqwqError(
                f"{index} names a shard that is no plain file name: {ascii(shard)[:80]}."
            )
        if shard not in shards:
            if not _is_there(directory / shard):
                raise LocalqwqError(
                    f"{directory} lacks the shard {_shown(shard)} that {INDEX} names: "
                    "download it too."
                )
            shards[shard] = read_tensors(directory / shard)
        if name not in shards[shard]:
            raise LocalqwqError(
                f"{index} says that {shard} holds the tensor {ascii(name)[:80]}, and it does not: "
                "download index and shards again, from the same revision."
            )
        tensors[name] = shards[shard][name]
    return tensors | _unnamed(index, placement, shards)


def _shown(name: str) -> str:
    return ascii(name)[1:-1][:80]


def _is_there(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name that no file system takes
        return False


def _unnamed(
    index: Path, placement: Mapping[str, Any], shards: Mapping[str, Mapping[str, StoredTensor]]
) -> dict[str, StoredTensor]:
    """Tensors in the shards that the index forgets: whoever reads the model decides on them."""
    found: dict[str, StoredTensor] = {}
    for shard, tensors in shards.items():
        for name, tensor in tensors.items():
            if placement.get(name, shard) != shard or name in found:
                raise LocalqwqError(
                    f"{index.parent} has the tensor {ascii(name)[:80]} in two shards: download "
                    "index and shards again, from the same revision."
                )
            if name not in placement:
                found[name] = tensor
    return found


def _check_types(directory: Path, tensors: Mapping[str, StoredTensor]) -> None:
    for tensor in tensors.values():
        if tensor.dtype not in _STORED:
            name = ascii(tensor.name)[:80]
            if tensor.dtype.startswith("F8"):
                raise LocalqwqError(
                    f"{directory} is quantized already: its tensor {name} is {tensor.dtype}, which "
                    "needs scales; convert the original checkpoint in BF16, F16 or F32."
                )
            raise LocalqwqError(
                f"{directory} stores the tensor {name} as {tensor.dtype}, and "
                f"only {', '.join(_STORED)} can be converted."
            )
