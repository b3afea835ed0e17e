"""What a conversion needs of a model, whatever it is read from: a checkpoint or a GGUF file."""

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
    """What a pack's manifest says of the model itself."""

    context: int
    """Largest context in tokens."""
    rope: RopeScaling | None
    sampling: dict[str, int | float]
    base_models: Sequence[str] = ()
    license: str | None = None


class WeightReader(Protocol):
    """Reads a model's weights by rows; several threads may do so at once."""

    def element_bytes(self, tensor: ExpectedTensor) -> float:
        """Bytes of an element where it is stored; a fraction in blocks."""

    def stored_type(self, tensor: ExpectedTensor) -> str:
        """ggml's name of the type that the tensor would keep if it were left as it is."""

    def describe(self, tensor: ExpectedTensor) -> str:
        """Where a tensor is, for errors."""

    def prefetch(self, tensor: ExpectedTensor, start: int, stop: int) -> None:
        """Have the system read these rows, without waiting for it."""

    def rows(self, tensor: ExpectedTensor, start: int, stop: int) -> F32Rows:
        """Rows ``start`` to ``stop`` of a tensor, as (rows, columns); a vector is one row."""

    def stored_rows(self, tensor: ExpectedTensor, start: int, stop: int) -> NDArray[np.uint8]:
        """The bytes of these rows as they are stored, in the stored order."""

    def changes(self, tensor: ExpectedTensor) -> Iterable[bytes]:
        """What else the values of a tensor follow from, besides its stored rows."""

    def release(self, tensor: ExpectedTensor, start: int, stop: int) -> None:
        """Let the system take back the memory that these rows were read into."""


class Source(Protocol):
    """A model to convert."""

    @property
    def name(self) -> str:
        """What the GGUF calls it."""

    @property
    def origin(self) -> Path:
        """Where it is, for errors."""

    @property
    def architecture(self) -> str:
        """llama.cpp's name of it."""

    @property
    def layout(self) -> Layout:
        """What the recipes have to know of it."""

    @property
    def tensors(self) -> Sequence[ExpectedTensor]:
        """In the order of the file to write."""

    @property
    def parameters(self) -> int:
        """How many weights the file has; tied embeddings count once."""

    @property
    def description(self) -> Description:
        """What the manifest says of it."""

    @property
    def weights(self) -> WeightReader:
        """Reads the weights, once they are mapped."""

    def paths(self) -> Iterable[Path]:
        """The files that the weights are read from."""

    def map_weights(self) -> None:
        """Map the files of the weights into memory; nothing is read yet."""

    def metadata(
        self,
        quantization: str,
        quantized_by: str | None,
        settings: Sequence[Setting],
        further: Sequence[Entry],
    ) -> tuple[Block, ...]:
        """The metadata of a file of this quantization.

        Args:
            quantization: of the file.
            quantized_by: who converts it, if they want to be named.
            settings: what the person wants to stand there.
            further: entries that come last.
        """

    def identity(self) -> Iterable[object]:
        """Values that change with the files that the weights are read from."""


def file_identities(paths: Iterable[Path]) -> Iterator[tuple[str, int, int]]:
    """Yield each file's name, bytes and time of change in nanoseconds.

    Raises:
        LocalqwqError: a file cannot be read.
    """
    for path in paths:
        try:
            status = path.stat()
        except OSError as error:
            raise LocalqwqError(f"Cannot read {path}: {error.strerror or error}.") from error
        yield path.name, status.st_size, status.st_mtime_ns
