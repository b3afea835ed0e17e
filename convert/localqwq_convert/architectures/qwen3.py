"""Qwen3: like Qwen2, with norms of queries and keys in place of biases."""

from localqwq_convert.architectures.qwen import qwen_layer
from localqwq_convert.architectures.rules import (
    EMBEDDING,
    FINAL_NORM,
    OUTPUT,
    Architecture,
    layer_rule,
)

QWEN3 = Architecture(
    name="qwen3",
    outside=(EMBEDDING, FINAL_NORM),
    inside=qwen_layer(
        layer_rule("self_attn.q_norm.weight", "attn_q_norm.weight", "head"),
        layer_rule("self_attn.k_norm.weight", "attn_k_norm.weight", "head"),
    ),
    output=OUTPUT,
    may_slide=True,
    # llama.cpp's Qwen3 has no bias after the attention.
    settings={"hidden_act": "silu", "attention_bias": False},
    head=128,
)
