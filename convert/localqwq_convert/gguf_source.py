"""A GGUF file as the source of a conversion, as in llama.cpp's quantizer.

The file's metadata is kept byte by byte; only the types of its tensors, and the keys that state
them, are new.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Self

from gguf.constants import GGUFValueType

from localqwq.errors import LocalqwqError
from localqwq.gguf.facts import ModelFacts, facts_of_header
from localqwq.gguf.header import DEFAULT_ALIGNMENT, Header, read_header
from localqwq.gguf.split import joined_header, part_paths
from localqwq.packs.manifest import RopeScaling
from localqwq.packs.store.header_statements import stated_bases, stated_license, stated_sampling
from localqwq_convert.architectures import ExpectedTensor
from localqwq_convert.gguf_weights import GgufWeights, PlacedTensor
from localqwq_convert.git_lfs import POINTER, check_content
from localqwq_convert.header import Block, Entry, encode_entries
from localqwq_convert.metadata import quantization_keys
from localqwq_convert.model import file_order
from localqwq_convert.recipes import TENSOR_TYPES, Layout
from localqwq_convert.settings import Setting, settle
from localqwq_convert.source import Description, WeightReader, file_identities

_EXACT = ("F32", "F16", "BF16", "Q8_0")
"""Types so precise that converting from them loses next to nothing."""
_SPLIT = ("split.no", "split.count", "split.tensors.count")
_SCALINGS = ("linear", "yarn", "longrope")
_ARRAY = 9


@dataclass(frozen=True)
class GgufSource:
    """A GGUF file, or a split model; a context manager that unmaps the files on exit."""

    name: str
    origin: Path
    """The file, or the first part."""
    facts: ModelFacts
    header: Header
    placed: Sequence[PlacedTensor]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._weights.files.close()

    @property
    def architecture(self) -> str:
        """The architecture's name in llama.cpp."""
        return self.facts.architecture

    @property
    def layout(self) -> Layout:
        """What recipes need to know about it."""
        facts = self.facts
        return Layout(
            facts.architecture, facts.layers, facts.heads, facts.kv_heads, facts.tied_embeddings
        )

    @cached_property
    def tensors(self) -> Sequence[ExpectedTensor]:
        """Its tensors, in the order in which llama.cpp writes them."""
        found = [ExpectedTensor(t.name, t.name, t.shape) for t in self.placed]
        return sorted(found, key=lambda tensor: file_order(tensor.target))

    @property
    def parameters(self) -> int:
        """The number of weights in the file."""
        return self.facts.parameters

    @property
    def description(self) -> Description:
        """What the manifest says about it."""
        facts, metadata = self.facts, self.header.metadata
        rope = None
        if facts.rope_scaling in _SCALINGS:
            rope = RopeScaling(
                type=facts.rope_scaling,
                factor=facts.rope_factor,
                original_context=facts.rope_original_context,
            )
        return Description(
            facts.longest_context,
            rope,
            stated_sampling(metadata),
            stated_bases(metadata),
            stated_license(metadata),
        )

    @property
    def weights(self) -> WeightReader:
        """The reader of the weights, once they are mapped."""
        return self._weights

    @cached_property
    def _weights(self) -> GgufWeights:
        return GgufWeights({tensor.name: tensor for tensor in self.placed})

    def paths(self) -> list[Path]:
        """The parts."""
        return sorted({tensor.path for tensor in self.placed})

    def map_weights(self) -> None:
        """Map all parts."""
        self._weights.files.map(self.paths())

    def metadata(
        self,
        quantization: str,
        quantized_by: str | None,
        settings: Sequence[Setting],
        further: Sequence[Entry],
    ) -> tuple[Block, ...]:
        """Return the source's own bytes, followed by new keys, as in llama.cpp."""
        kinds = {key: self._kind(key) for key in self.header.entries}
        arrays = [key for key, kind in kinds.items() if kind == _ARRAY]
        types = {key: GGUFValueType(kind) for key, kind in kinds.items() if kind != _ARRAY}
        chosen = settle(settings, types, arrays)
        if quantized_by is not None:
            chosen.append(Entry("general.quantized_by", GGUFValueType.STRING, quantized_by))
        last = [*quantization_keys(quantization), *chosen, *further]
        left_out = {entry.key for entry in last} | set(_SPLIT)
        kept = [span for key, span in self.header.entries.items() if key not in left_out]
        data = b"".join(self._start[begin:end] for begin, end in kept)
        return Block(len(kept), data), encode_entries(last)

    @cached_property
    def _start(self) -> bytes:
        """Return the file up to the end of its metadata."""
        end = max((end for _, end in self.header.entries.values()), default=0)
        try:
            with self.origin.open("rb") as stream:
                return stream.read(end)
        except OSError as error:
            raise LocalqwqError(f"Cannot read {self.origin}: {error.strerror or error}.") from error

    def _kind(self, key: str) -> int:
        """Return the number of a value's type, which follows the key and its length."""
        begin = self.header.entries[key][0]
        length = int.from_bytes(self._start[begin : begin + 8], "little")
        place = begin + 8 + length
        return int.from_bytes(self._start[place : place + 4], "little")

    def identity(self) -> Iterator[object]:
        """Yield sizes and times of the parts, and each tensor's position."""
        yield from file_identities(self.paths())
        yield from ((t.name, t.type, t.path.name, t.offset) for t in self.placed)


def open_gguf(path: Path, name: str, *, requantize: bool) -> GgufSource:
    """Read the header of the GGUF file at ``path``, or of all parts of a split model.

    Args:
        path: the file, or the first part.
        name: name of the new files.
        requantize: whether to accept quantized files.

    Raises:
        LocalqwqError: not a GGUF file, one that localqwq cannot run, or a quantized one.
    """
    _check_start(path)
    header = read_header(path)
    facts = facts_of_header(path, joined_header(path, header))
    if header.metadata.get("general.alignment", DEFAULT_ALIGNMENT) != DEFAULT_ALIGNMENT:
        raise LocalqwqError(
            f"{path} aligns its tensors otherwise than llama.cpp's quantizer does: it cannot be "
            "converted."
        )
    parts = part_paths(path, header)
    headers = [header, *(read_header(part) for part in parts[1:])]
    placed = [
        PlacedTensor(tensor.name, tensor.shape[::-1], tensor.type, part, tensor.offset)
        for part, one in zip(parts, headers, strict=True)
        for tensor in one.tensors
    ]
    _check_types(path, placed, requantize=requantize)
    return GgufSource(name, path, facts, header, placed)


def gguf_pack_name(path: Path) -> str:
    """Return the name of a file's pack: the file's own, without quantization and number."""
    stem = re.sub(r"-[0-9]{5}-of-[0-9]{5}$", "", path.stem)
    return re.sub(r"[-._](?:bf16|f16|f32|i?q[0-9]\w*)$", "", stem, flags=re.IGNORECASE)


def _check_start(path: Path) -> None:
    try:
        with path.open("rb") as stream:
            check_content(path, stream.read(len(POINTER)))
    except OSError as error:
        raise LocalqwqError(f"Cannot read {path}: {error.strerror or error}.") from error


def _check_types(path: Path, tensors: Iterable[PlacedTensor], *, requantize: bool) -> None:
    for tensor in tensors:
        if tensor.type not in TENSOR_TYPES or len(tensor.shape) > 2:
            raise LocalqwqError(
                f"{path} has the tensor {ascii(tensor.name)[:80]} in {tensor.type} and "
                f"{len(tensor.shape)} dimensions, which cannot be converted."
            )
        if tensor.type not in _EXACT and not requantize:
            raise LocalqwqError(
                f"{path} is quantized already: its tensor {ascii(tensor.name)[:80]} is "
                f"{tensor.type}. Convert a file in BF16, F16, F32 or Q8_0, or requantize this one "
                "with --requantize, which loses quality."
            )
