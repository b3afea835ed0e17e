"""A checkpoint as the source of a conversion."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from localqwq.packs.manifest import RopeScaling
from localqwq_convert.architectures import ExpectedTensor
from localqwq_convert.header import Block, Entry, encode_entries
from localqwq_convert.metadata import closing_metadata, model_metadata, tokenizer_metadata
from localqwq_convert.model import SourceModel
from localqwq_convert.recipes import Layout
from localqwq_convert.rope import Linear, Rope, Yarn
from localqwq_convert.settings import Setting, settle
from localqwq_convert.source import Description, WeightReader, file_identities
from localqwq_convert.weights import Weights


@dataclass(frozen=True)
class CheckpointSource:
    """A checkpoint that has been read and checked."""

    model: SourceModel

    @property
    def name(self) -> str:
        """The model's name in the GGUF."""
        return self.model.name

    @property
    def origin(self) -> Path:
        """The checkpoint's directory."""
        return self.model.checkpoint.directory

    @property
    def architecture(self) -> str:
        """The architecture's name in llama.cpp."""
        return self.model.architecture.name

    @property
    def layout(self) -> Layout:
        """What recipes need to know about it."""
        dimensions = self.model.dimensions
        return Layout(
            self.architecture,
            dimensions.layers,
            dimensions.heads,
            dimensions.kv_heads,
            dimensions.tied,
        )

    @property
    def tensors(self) -> Sequence[ExpectedTensor]:
        """Its tensors, in file order."""
        return self.model.tensors

    @property
    def parameters(self) -> int:
        """The number of weights in the file."""
        return self.model.parameters

    @property
    def description(self) -> Description:
        """What the manifest says about it."""
        card = self.model.card
        bases = [base.link or base.name for base in card.base_models]
        return Description(
            self.model.rope.context,
            _scaling(self.model.rope),
            dict(self.model.sampling),
            [base for base in bases if base],
            card.license,
        )

    @cached_property
    def weights(self) -> WeightReader:
        """The reader of the weights, once they are mapped."""
        return Weights(self.model)

    def paths(self) -> list[Path]:
        """The shards."""
        return sorted({stored.path for stored in self.model.checkpoint.stored()})

    def map_weights(self) -> None:
        """Map the shards."""
        self.model.checkpoint.map_shards()

    def metadata(
        self,
        quantization: str,
        quantized_by: str | None,
        settings: Sequence[Setting],
        further: Sequence[Entry],
    ) -> tuple[Block, ...]:
        """Return the metadata in llama.cpp's order, followed by the user's settings."""
        opening = model_metadata(self.model, quantization, quantized_by)
        closing = closing_metadata(quantization)
        known = [*opening, *self._tokenizer, *closing]
        arrays = [entry.key for entry in known if not isinstance(entry.value, str | int | float)]
        types = {entry.key: entry.type for entry in known if entry.key not in arrays}
        chosen = settle(settings, types, arrays)
        last = [*chosen, *further]
        replaced = {entry.key for entry in last}
        touched = any(entry.key in replaced for entry in self._tokenizer)
        return (
            encode_entries(_without(opening, replaced)),
            encode_entries(_without(self._tokenizer, replaced)) if touched else self._encoded,
            encode_entries([*_without(closing, replaced), *last]),
        )

    @cached_property
    def _tokenizer(self) -> list[Entry]:
        return tokenizer_metadata(self.model.tokenizer)

    @cached_property
    def _encoded(self) -> Block:
        """Return the tokenizer's keys, shared by all files: a vocabulary takes some megabytes."""
        return encode_entries(self._tokenizer)

    def identity(self) -> Iterator[object]:
        """Yield sizes and times of the shards, and where each tensor is read from."""
        yield from file_identities(self.paths())
        for tensor in self.tensors:
            stored = self.model.checkpoint.tensors.get(tensor.source)
            if stored:
                yield tensor.target, tensor.heads, stored.path.name, stored.dtype, stored.offset
            else:
                yield tensor.target, self.model.computed[tensor.target].tobytes()
            if product := self.model.checkpoint.products.get(tensor.source):
                factors = [(f.path.name, f.dtype, f.offset) for f in (product.a, product.b)]
                yield *factors, product.scale


def _without(entries: Iterable[Entry], keys: set[str]) -> list[Entry]:
    return [entry for entry in entries if entry.key not in keys]


def _scaling(rope: Rope) -> RopeScaling | None:
    match rope.scaling:
        case Yarn(factor, original):
            return RopeScaling(type="yarn", factor=factor, original_context=original)
        case Linear(factor):
            return RopeScaling(type="linear", factor=factor, original_context=rope.context)
    # Llama 3.1's scaling is a tensor that loaders find by themselves.
    return None
