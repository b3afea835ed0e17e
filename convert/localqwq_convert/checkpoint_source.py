"""A checkpoint as a source of conversions."""

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
    """A checkpoint that was read and checked."""

    model: SourceModel

    @property
    def name(self) -> str:
        """What the GGUF calls it."""
        return self.model.name

    @property
    def origin(self) -> Path:
        """The checkpoint's directory."""
        return self.model.checkpoint.directory

    @property
    def architecture(self) -> str:
        """llama.cpp's name of it."""
        return self.model.architecture.name

    @property
    def layout(self) -> Layout:
        """What the recipes have to know of it."""
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
        """In the order of the file to write."""
        return self.model.tensors

    @property
    def parameters(self) -> int:
        """How many weights the file has."""
        return self.model.parameters

    @property
    def description(self) -> Description:
        """What the manifest says of it."""
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
        """Reads the weights, once they are mapped."""
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
        """The metadata in llama.cpp's order; what the person sets comes behind it."""
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
        """The tokenizer's keys, which all files share: a vocabulary takes some megabytes."""
        return encode_entries(self._tokenizer)

    def identity(self) -> Iterator[object]:
        """Sizes and times of the shards, and which tensors are read from where."""
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
    # Llama 3.1's scaling is a tensor, which a loader need not be told of.
    return None
