"""What a table of an architecture is made of."""

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
    """Field of ``Dimensions`` that counts the heads within which rows are reordered."""
    when: str = ""
    """Field of ``Dimensions`` that says whether there is such a tensor; else there always is."""


@dataclass(frozen=True, slots=True)
class ExpectedTensor:
    """A tensor of the GGUF, and where its values come from."""

    source: str
    """Name in the checkpoint; empty where the values are computed."""
    target: str
    shape: tuple[int, ...]
    """Extents in row-major order: the row length last."""
    heads: int = 0
    """More than 0: rows are reordered within that many heads (``permutation.row_order``)."""


@dataclass(frozen=True, slots=True)
class Architecture:
    """How one family of checkpoints is named and laid out."""

    name: str
    """llama.cpp's name, which the GGUF keys start with."""
    outside: tuple[TensorRule, ...]
    inside: tuple[TensorRule, ...]
    """Rules for the tensors of each layer."""
    output: TensorRule
    """The output matrix, which checkpoints with tied embeddings lack."""
    settings: Mapping[str, object]
    """The one value that llama.cpp's graph computes with, by key of ``config.json``."""
    may_slide: bool = False
    """Whether its layers may attend to a window, for which llama.cpp has no graph."""
    head: int | None = None
    """Length of a head where ``config.json`` names none; embedding / heads otherwise."""
    free_heads: bool = True
    """Whether the heads together may be longer or shorter than the embedding."""
    writes_head: bool = True
    """Whether the GGUF always names the length of a head, or only where ``config.json`` does."""
    llama_keys: bool = False
    """Whether the GGUF names the vocabulary's size and the rotated part of a head."""
    frequency_factors: bool = False
    """Whether llama.cpp takes Llama 3.1's scaling of positions, as ``rope_freqs.weight``."""
    dropped: tuple[str, ...] = field(default=(".rotary_emb.inv_freq",))
    """Endings of tensors that older checkpoints store and nothing needs."""

    @property
    def embedding(self) -> TensorRule:
        """The token embedding."""
        return self.outside[0]

    def expected(self, dimensions: Dimensions) -> list[ExpectedTensor]:
        """Every tensor that a checkpoint of these dimensions holds."""
        rules = self.outside if dimensions.tied else (*self.outside, self.output)
        tensors = [_expected(rule, dimensions, 0) for rule in rules]
        inside = [rule for rule in self.inside if not rule.when or getattr(dimensions, rule.when)]
        for layer in range(dimensions.layers):
            tensors += [_expected(rule, dimensions, layer) for rule in inside]
        return tensors

    def ignores(self, name: str, dimensions: Dimensions) -> bool:
        """Whether a stored tensor has no place in the GGUF and that is right so."""
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
    """The rule of a tensor that each layer has."""
    return TensorRule(
        "model.layers.{layer}." + source, "blk.{layer}." + target, extents, heads, when
    )


EMBEDDING = TensorRule(
    "model.embed_tokens.weight", "token_embd.weight", ("vocabulary", "embedding")
)
FINAL_NORM = TensorRule("model.norm.weight", "output_norm.weight", ("embedding",))
OUTPUT = TensorRule("lm_head.weight", "output.weight", ("vocabulary", "embedding"))
