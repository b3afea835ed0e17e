"""What a conversion needs from a model, whether read from a checkpoint or a GGUF file."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from localqwq.errors import LocalqwqError
from localqwq.packs.manifest import RopeScaling
from localqwq_convert.architectures import ExpectedTensor
from localqwq_convert.header import Block, Entry
from localqwq_convert.recipes import Layout
from localqwq_convert.settings import Setting

F32Rows = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Description:
    """What a pack's manifest says about the model."""

    context: int
    """Largest context in tokens."""
    rope: RopeScaling | None
    sampling: dict[str, int | float]
    base_models: Sequence[str] = ()
    license: str | None = None


class WeightReader(Protocol):
    """Read a model's weights by rows; thread-safe."""

    def element_bytes(self, tensor: ExpectedTensor) -> float:
        """Return the bytes of an element as stored; fractional for blocks."""

    def stored_type(self, tensor: ExpectedTensor) -> str:
        """Return ggml's name of the type that the tensor would have if left unchanged."""

    def describe(self, tensor: ExpectedTensor) -> str:
        """Return where a tensor is, for errors."""

    def prefetch(self, tensor: ExpectedTensor, start: int, stop: int) -> None:
        """Make the system read these rows, without waiting."""

    def rows(self, tensor: ExpectedTensor, start: int, stop: int) -> F32Rows:
        """Return rows ``start`` to ``stop`` of a tensor, as (rows, columns); a vector is one
        row.
        """

    def stored_rows(self, tensor: ExpectedTensor, start: int, stop: int) -> NDArray[np.uint8]:
        """Return the bytes of these rows as stored, in the stored order."""

    def changes(self, tensor: ExpectedTensor) -> Iterable[bytes]:
        """Yield everything besides its stored rows that a tensor's values depend on."""

    def release(self, tensor: ExpectedTensor, start: int, stop: int) -> None:
        """Let the system reclaim the memory of these rows."""


class Source(Protocol):
    """A model to convert."""

    @property
    def name(self) -> str:
        """The model's name in the GGUF."""

    @property
    def origin(self) -> Path:
        """Its path, for errors."""

    @property
    def architecture(self) -> str:
        """The architecture's name in llama.cpp."""

    @property
    def layout(self) -> Layout:
        """What recipes need to know about it."""

    @property
    def tensors(self) -> Sequence[ExpectedTensor]:
        """Its tensors, in file order."""

    @property
    def parameters(self) -> int:
        """The number of weights in the file; tied embeddings count once."""

    @property
    def description(self) -> Description:
        """What the manifest says about it."""

    @property
    def weights(self) -> WeightReader:
        """The reader of the weights, once they are mapped."""

    def paths(self) -> Iterable[Path]:
        """Return the files that the weights are read from."""

    def map_weights(self) -> None:
        """Map the files of the weights into memory; nothing is read yet."""

    def metadata(
        self,
        quantization: str,
        quantized_by: str | None,
        settings: Sequence[Setting],
        further: Sequence[Entry],
    ) -> tuple[Block, ...]:
        """Return the metadata of a file of this quantization.

        Args:
            quantization: the file's quantization.
            quantized_by: who converts it, if they want to be named.
            settings: metadata set by the user.
            further: entries that come last.
        """

    def identity(self) -> Iterable[object]:
        """Return values that change with the files that the weights are read from."""


def file_identities(paths: Iterable[Path]) -> Iterator[tuple[str, int, int]]:
    """Yield each file's name, size and modification time in nanoseconds.

    Raises:
        LocalqwqError: a file cannot be read.
    """
    for path in paths:
        try:
            status = path.stat()
        except OSError as error:
            raise LocalqwqError(f"Cannot read {path}: {error.strerror or error}.") from error
        yield path.name, status.st_size, status.st_mtime_ns
