"""The dimensions of a model, from its ``config.json``."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from localqwq.errors import LocalqwqError

MAX_EXTENT = 1 << 24
"""Limit for every number in a configuration that becomes a dimension."""
MAX_LAYERS = 1 << 9
"""llama.cpp's own limit (``LLAMA_MAX_LAYERS``)."""


@dataclass(frozen=True, slots=True)
class Dimensions:
    """The dimensions of a decoder-only transformer."""

    layers: int
    embedding: int
    feed_forward: int
    heads: int
    kv_heads: int
    head: int
    """Length of one head."""
    vocabulary: int
    tied: bool
    """Whether the token embedding is also the output matrix."""
    attention_bias: bool = False
    """Whether the attention's projections have biases, if the architecture leaves it open."""
    mlp_bias: bool = False
    """Whether the feed-forward projections have biases."""

    @property
    def queries(self) -> int:
        """Rows of the query projection."""
        return self.heads * self.head

    @property
    def keys(self) -> int:
        """Rows of the key projection, and of the value projection."""
        return self.kv_heads * self.head


def read_dimensions(
    config: Mapping[str, Any], what: str, *, head: int | None = None, free_heads: bool = True
) -> Dimensions:
    """Return the dimensions in a ``config.json``.

    Args:
        config: the content of ``config.json``.
        what: the checkpoint's name for errors.
        head: length of a head if ``config`` does not state it; None for embedding / heads.
        free_heads: whether all heads together may differ from the embedding in length.

    Raises:
        LocalqwqError: a dimension is missing or makes no sense.
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
    named = head is not None or config.get("head_dim") is not None
    head = extent("head_dim", head or embedding // heads)
    if heads % kv_heads or head % 2 or (heads * head != embedding and not (free_heads and named)):
        raise LocalqwqError(
            f"{what} cannot be converted: {heads} attention heads of {head} fit neither a hidden "
            f"size of {embedding} nor {kv_heads} key and value heads."
        )
    return Dimensions(
        layers=extent("num_hidden_layers", limit=MAX_LAYERS),
        embedding=embedding,
        feed_forward=extent("intermediate_size"),
        heads=heads,
        kv_heads=kv_heads,
        head=head,
        vocabulary=extent("vocab_size"),
        tied=config.get("tie_word_embeddings") is True,
        attention_bias=config.get("attention_bias") is True,
        mlp_bias=config.get("mlp_bias") is True,
    )
