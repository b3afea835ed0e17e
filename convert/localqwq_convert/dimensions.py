"""The extents of a model, from its ``config.json``."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from localqwq.errors import LocalqwqError

MAX_EXTENT = 1 << 24
"""Bound on every number in a configuration that becomes an extent."""
MAX_LAYERS = 1 << 9
"""llama.cpp's own bound (``LLAMA_MAX_LAYERS``)."""


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
    attention_bias: bool = False
    """The projections of the attention have biases, where the architecture leaves it open."""
    mlp_bias: bool = False
    """The projections of the feed-forward part have biases."""

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
    """The dimensions in a ``config.json``; ``what`` is the checkpoint's name for errors.

    Args:
        config: the content of ``config.json``.
        what: the checkpoint's name for errors.
        head: length of a head where ``config`` names none; embedding / heads where that is None.
        free_heads: whether all heads together may differ from the embedding in length.

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
