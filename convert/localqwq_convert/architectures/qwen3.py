"""Qwen3: like Qwen2, with norms of queries and keys in place of biases."""

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
    inside=(
        layer_rule("input_layernorm.weight", "attn_norm.weight", "embedding"),
        layer_rule("self_attn.q_proj.weight", "attn_q.weight", "queries", "embedding"),
        layer_rule("self_attn.q_norm.weight", "attn_q_norm.weight", "head"),
        layer_rule("self_attn.k_proj.weight", "attn_k.weight", "keys", "embedding"),
        layer_rule("self_attn.k_norm.weight", "attn_k_norm.weight", "head"),
        layer_rule("self_attn.v_proj.weight", "attn_v.weight", "keys", "embedding"),
        layer_rule("self_attn.o_proj.weight", "attn_output.weight", "embedding", "queries"),
        layer_rule("post_attention_layernorm.weight", "ffn_norm.weight", "embedding"),
        layer_rule("mlp.gate_proj.weight", "ffn_gate.weight", "feed_forward", "embedding"),
        layer_rule("mlp.up_proj.weight", "ffn_up.weight", "feed_forward", "embedding"),
        layer_rule("mlp.down_proj.weight", "ffn_down.weight", "embedding", "feed_forward"),
    ),
    output=OUTPUT,
    may_slide=True,
    # llama.cpp's Qwen3 has no bias behind the attention.
    settings={"hidden_act": "silu", "attention_bias": False},
    head=128,
)
