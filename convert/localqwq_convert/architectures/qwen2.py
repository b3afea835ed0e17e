"""Qwen2: QwQ-32B, Qwen2.5, DeepSeek-R1-Distill-Qwen."""

from localqwq_convert.architectures.rules import (
    EMBEDDING,
    FINAL_NORM,
    OUTPUT,
    Architecture,
    layer_rule,
)

QWEN2 = Architecture(
    name="qwen2",
    outside=(EMBEDDING, FINAL_NORM),
    inside=(
        layer_rule("input_layernorm.weight", "attn_norm.weight", "embedding"),
        layer_rule("self_attn.q_proj.weight", "attn_q.weight", "queries", "embedding"),
        layer_rule("self_attn.q_proj.bias", "attn_q.bias", "queries"),
        layer_rule("self_attn.k_proj.weight", "attn_k.weight", "keys", "embedding"),
        layer_rule("self_attn.k_proj.bias", "attn_k.bias", "keys"),
        layer_rule("self_attn.v_proj.weight", "attn_v.weight", "keys", "embedding"),
        layer_rule("self_attn.v_proj.bias", "attn_v.bias", "keys"),
        layer_rule("self_attn.o_proj.weight", "attn_output.weight", "embedding", "queries"),
        layer_rule("post_attention_layernorm.weight", "ffn_norm.weight", "embedding"),
        layer_rule("mlp.gate_proj.weight", "ffn_gate.weight", "feed_forward", "embedding"),
        layer_rule("mlp.up_proj.weight", "ffn_up.weight", "feed_forward", "embedding"),
        layer_rule("mlp.down_proj.weight", "ffn_down.weight", "embedding", "feed_forward"),
    ),
    output=OUTPUT,
    may_slide=True,
    settings={"hidden_act": "silu"},
    # llama.cpp loads square query projections only.
    free_heads=False,
    writes_head=False,
)
