"""Qwen2: QwQ-32B, Qwen2.5, DeepSeek-R1-Distill-Qwen."""

from localqwq_convert.architectures.qwen import qwen_layer
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
    inside=qwen_layer(
        layer_rule("self_attn.q_proj.bias", "attn_q.bias", "queries"),
        layer_rule("self_attn.k_proj.bias", "attn_k.bias", "keys"),
        layer_rule("self_attn.v_proj.bias", "attn_v.bias", "keys"),
    ),
    output=OUTPUT,
    may_slide=True,
    settings={"hidden_act": "silu"},
    # llama.cpp loads only square query projections.
    free_heads=False,
    writes_head=False,
)
