"""The parts of an architecture's table."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from localqwq_convert.dimensions import Dimensions


@dataclass(frozen=True, slots=True)
class TensorRule:
    """One line of an architecture's table."""

    source: str
    """Name in the checkpoint; ``{layer}`` stands for the layer's number."""
    target: str
    """Name in GGUF."""
    extents: tuple[str, ...]
    """Names of fields of ``Dimensions``, in row-major order."""
    heads: str = ""
    """Field of ``Dimensions`` with the number of heads within which rows are reordered."""
    when: str = ""
    """Field of ``Dimensions`` that tells whether the tensor exists; empty if it always does."""


@dataclass(frozen=True, slots=True)
class ExpectedTensor:
    """A tensor of the GGUF, and the source of its values."""

    source: str
    """Name in the checkpoint; empty if the values are computed."""
    target: str
    shape: tuple[int, ...]
    """Extents in row-major order: the row length last."""
    heads: int = 0
    """If above 0, rows are reordered within that many heads (``permutation.row_order``)."""


@dataclass(frozen=True, slots=True)
class Architecture:
    """The names and layout of one family of checkpoints."""

    name: str
    """llama.cpp's name, the prefix of the GGUF keys."""
    outside: tuple[TensorRule, ...]
    inside: tuple[TensorRule, ...]
    """Rules for the tensors of each layer."""
    output: TensorRule
    """The output matrix, absent from checkpoints with tied embeddings."""
    settings: Mapping[str, object]
    """Values that llama.cpp's graph requires, by key of ``config.json``."""
    may_slide: bool = False
    """Whether its layers may use sliding windows, which llama.cpp does not support here."""
    head: int | None = None
    """Length of a head if ``config.json`` does not state it; None for embedding / heads."""
    free_heads: bool = True
    """Whether the heads together may be longer or shorter than the embedding."""
    writes_head: bool = True
    """Whether the GGUF always states the head length, or only if ``config.json`` does."""
    llama_keys: bool = False
    """Whether the GGUF states the vocabulary's size and the rotated part of a head."""
    frequency_factors: bool = False
    """Whether llama.cpp supports Llama 3.1's position scaling, as ``rope_freqs.weight``."""
    dropped: tuple[str, ...] = field(default=(".rotary_emb.inv_freq",))
    """Suffixes of unneeded tensors stored by older checkpoints."""

    @property
    def embedding(self) -> TensorRule:
        """The rule of the token embedding."""
        return self.outside[0]

    def expected(self, dimensions: Dimensions) -> list[ExpectedTensor]:
        """Return every tensor of a checkpoint with these dimensions."""
        rules = self.outside if dimensions.tied else (*self.outside, self.output)
        tensors = [_expected(rule, dimensions, 0) for rule in rules]
        inside = [rule for rule in self.inside if not rule.when or getattr(dimensions, rule.when)]
        for layer in range(dimensions.layers):
            tensors += [_expected(rule, dimensions, layer) for rule in inside]
        return tensors

    def ignores(self, name: str, dimensions: Dimensions) -> bool:
        """Return whether a stored tensor is rightly left out of the GGUF."""
        return name.endswith(self.dropped) or (dimensions.tied and name == self.output.source)


def _expected(rule: TensorRule, dimensions: Dimensions, layer: int) -> ExpectedTensor:
    return ExpectedTensor(
        rule.source.format(layer=layer),
        rule.target.format(layer=layer),
        tuple(getattr(dimensions, extent) for extent in rule.extents),
        getattr(dimensions, rule.heads) if rule.heads else 0,
    )


def layer_rule(
    source: str, target: str, *extents: str, heads: str = "", when: str = ""
) -> TensorRule:
    """Return the rule of a tensor that exists in each layer."""
    return TensorRule(
        "model.layers.{layer}." + source, "blk.{layer}." + target, extents, heads, when
    )


EMBEDDING = TensorRule(
    "model.embed_tokens.weight", "token_embd.weight", ("vocabulary", "embedding")
)
FINAL_NORM = TensorRule("model.norm.weight", "output_norm.weight", ("embedding",))
OUTPUT = TensorRule("lm_head.weight", "output.weight", ("vocabulary", "embedding"))
