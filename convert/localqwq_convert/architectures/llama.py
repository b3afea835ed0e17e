"""Llama: Llama 3.1 and DeepSeek-R1-Distill-Llama.

llama.cpp rotates neighbouring elements of a head, while checkpoints rotate its first half with its
second: rows of the query and key projections are reordered to match.
"""

from localqwq_convert.architectures.rules import (
    EMBEDDING,
    FINAL_NORM,
    OUTPUT,
    Architecture,
    layer_rule,
)

_ATTENTION, _MLP = "attention_bias", "mlp_bias"

LLAMA = Architecture(
    name="llama",
    outside=(EMBEDDING, FINAL_NORM),
    inside=(
        layer_rule("input_layernorm.weight", "attn_norm.weight", "embedding"),
        layer_rule(
            "self_attn.q_proj.weight", "attn_q.weight", "queries", "embedding", heads="heads"
        ),
        layer_rule(
            "self_attn.q_proj.bias", "attn_q.bias", "queries", heads="heads", when=_ATTENTION
        ),
        layer_rule(
            "self_attn.k_proj.weight", "attn_k.weight", "keys", "embedding", heads="kv_heads"
        ),
        layer_rule(
            "self_attn.k_proj.bias", "attn_k.bias", "keys", heads="kv_heads", when=_ATTENTION
        ),
        layer_rule("self_attn.v_proj.weight", "attn_v.weight", "keys", "embedding"),
        layer_rule("self_attn.v_proj.bias", "attn_v.bias", "keys", when=_ATTENTION),
        layer_rule("self_attn.o_proj.weight", "attn_output.weight", "embedding", "queries"),
        layer_rule("self_attn.o_proj.bias", "attn_output.bias", "embedding", when=_ATTENTION),
        layer_rule("post_attention_layernorm.weight", "ffn_norm.weight", "embedding"),
        layer_rule("mlp.gate_proj.weight", "ffn_gate.weight", "feed_forward", "embedding"),
        layer_rule("mlp.gate_proj.bias", "ffn_gate.bias", "feed_forward", when=_MLP),
        layer_rule("mlp.up_proj.weight", "ffn_up.weight", "feed_forward", "embedding"),
        layer_rule("mlp.up_proj.bias", "ffn_up.bias", "feed_forward", when=_MLP),
        layer_rule("mlp.down_proj.weight", "ffn_down.weight", "embedding", "feed_forward"),
        layer_rule("mlp.down_proj.bias", "ffn_down.bias", "embedding", when=_MLP),
    ),
    output=OUTPUT,
    settings={"hidden_act": "silu"},
    llama_keys=True,
    frequency_factors=True,
)
