"""Which tensors a checkpoint must hold, and what each is called in GGUF: one table a family."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from localqwq.errors import LocalqwqError

MAX_EXTENT = 1 << 24
"""Bound on every number in a configuration that becomes an extent."""
MAX_LAYERS = 1 << 12


@dataclass(frozen=True, slots=True)
class Dimensions:
    """The extents of a decoder-only transformer."""

    layers: int
    embedding: int
    feed_forward: int
    heads: int
    kv_heads: int
    head: int
    """Values of one head."""
    vocabulary: int
    tied: bool
    """The token embedding is the output matrix too."""

    @property
    def queries(self) -> int:
        """Rows of the query projection."""
        return self.heads * self.head

    @property
    def keys(self) -> int:
        """Rows of the key projection, and of the value projection."""
        return self.kv_heads * self.head


@dataclass(frozen=True, slots=True)
class TensorRule:
    """One line of a family's table."""

    source: str
    """Name in the checkpoint; ``{layer}`` stands for the layer's number."""
    target: str
    """Name in GGUF."""
    extents: tuple[str, ...]
    """Names of fields of ``Dimensions``, in row-major order."""


@dataclass(frozen=True, slots=True)
class ExpectedTensor:
    """A tensor that a checkpoint must hold."""

    source: str
    target: str
    shape: tuple[int, ...]
    """Extents in row-major order: the row length last."""


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
    dropped: tuple[str, ...]
    """Endings of tensors that older checkpoints store and nothing needs."""

    def expected(self, dimensions: Dimensions) -> list[ExpectedTensor]:
        """Every tensor that a checkpoint of these dimensions holds."""
        rules = self.outside if dimensions.tied else (*self.outside, self.output)
        tensors = [_expected(rule, dimensions, 0) for rule in rules]
        for layer in range(dimensions.layers):
            tensors += [_expected(rule, dimensions, layer) for rule in self.inside]
        return tensors

    def ignores(self, name: str, dimensions: Dimensions) -> bool:
        """Whether a stored tensor has no place in the GGUF and that is right so."""
        return name.endswith(self.dropped) or (dimensions.tied and name == self.output.source)


def _expected(rule: TensorRule, dimensions: Dimensions, layer: int) -> ExpectedTensor:
    return ExpectedTensor(
        rule.source.format(layer=layer),
        rule.target.format(layer=layer),
        tuple(getattr(dimensions, extent) for extent in rule.extents),
    )


def _layer_rule(source: str, target: str, *extents: str) -> TensorRule:
    return TensorRule("model.layers.{layer}." + source, "blk.{layer}." + target, extents)


QWEN2 = Architecture(
    name="qwen2",
    outside=(
        TensorRule("model.embed_tokens.weight", "token_embd.weight", ("vocabulary", "embedding")),
        TensorRule("model.norm.weight", "output_norm.weight", ("embedding",)),
    ),
    inside=(
        _layer_rule("input_layernorm.weight", "attn_norm.weight", "embedding"),
        _layer_rule("self_attn.q_proj.weight", "attn_q.weight", "queries", "embedding"),
        _layer_rule("self_attn.q_proj.bias", "attn_q.bias", "queries"),
        _layer_rule("self_attn.k_proj.weight", "attn_k.weight", "keys", "embedding"),
        _layer_rule("self_attn.k_proj.bias", "attn_k.bias", "keys"),
        _layer_rule("self_attn.v_proj.weight", "attn_v.weight", "keys", "embedding"),
        _layer_rule("self_attn.v_proj.bias", "attn_v.bias", "keys"),
        _layer_rule("self_attn.o_proj.weight", "attn_output.weight", "embedding", "queries"),
        _layer_rule("post_attention_layernorm.weight", "ffn_norm.weight", "embedding"),
        _layer_rule("mlp.gate_proj.weight", "ffn_gate.weight", "feed_forward", "embedding"),
        _layer_rule("mlp.up_proj.weight", "ffn_up.weight", "feed_forward", "embedding"),
        _layer_rule("mlp.down_proj.weight", "ffn_down.weight", "embedding", "feed_forward"),
    ),
    output=TensorRule("lm_head.weight", "output.weight", ("vocabulary", "embedding")),
    dropped=(".rotary_emb.inv_freq",),
)

ARCHITECTURES: dict[str, Architecture] = {"Qwen2ForCausalLM": QWEN2}
"""What can be converted, by the name in a ``config.json``'s ``architectures``."""


def find_architecture(config: Mapping[str, Any], what: str) -> Architecture:
    """The architecture that ``config`` names; ``what`` is the checkpoint's name for errors.

    Raises:
        LocalqwqError: one that cannot be converted; the sentence lists those that can.
    """
    names = config.get("architectures")
    name = names[0] if isinstance(names, list) and names else None
    if isinstance(name, str) and name in ARCHITECTURES:
        return ARCHITECTURES[name]
    raise LocalqwqError(
        f"{what} is a checkpoint of the architecture {ascii(name)[:60]}, and localqwq converts "
        f"{', '.join(ARCHITECTURES)}."
    )


def read_dimensions(config: Mapping[str, Any], what: str) -> Dimensions:
    """The dimensions in a ``config.json``; ``what`` is the checkpoint's name for errors.

    Raises:
        LocalqwqError: one is missing or makes no sense.
    """

    def extent(key: str, default: int | None = None, limit: int = MAX_EXTENT) -> int:
        value = config.get(key)
        value = default if value is None else value
        if type(value) is not int or not 0 < value <= limit:
            raise LocalqwqError(
                f"{what} cannot be converted: {key} in its config.json should be a whole number "
                f"from 1 to {limit:,} and is {ascii(value)[:60]}."
            )
        return value

    heads, embedding = extent("num_attention_heads"), extent("hidden_size")
    kv_heads = extent("num_key_value_heads", heads)
    if heads % kv_heads or ("head_dim" not in config and embedding % heads):
        raise LocalqwqError(
            f"{what} cannot be converted: {heads} attention heads fit neither a hidden size of "
            f"{embedding} nor {kv_heads} key and value heads."
        )
    return Dimensions(
        layers=extent("num_hidden_layers", limit=MAX_LAYERS),
        embedding=embedding,
        feed_forward=extent("intermediate_size"),
        heads=heads,
        kv_heads=kv_heads,
        head=extent("head_dim", embedding // heads),
        vocabulary=extent("vocab_size"),
        tied=config.get("tie_word_embeddings") is True,
    )
