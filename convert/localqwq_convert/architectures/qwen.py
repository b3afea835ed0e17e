"""The common part of Qwen2's and Qwen3's layers."""

from localqwq_convert.architectures.rules import TensorRule, layer_rule


def qwen_layer(
    queries: TensorRule, keys: TensorRule, *values: TensorRule
) -> tuple[TensorRule, ...]:
    """Return a layer's rules; the arguments are those that follow each of the three projections."""
    return (
        layer_rule("input_layernorm.weight", "attn_norm.weight", "embedding"),
        layer_rule("self_attn.q_proj.weight", "attn_q.weight", "queries", "embedding"),
        queries,
        layer_rule("self_attn.k_proj.weight", "attn_k.weight", "keys", "embedding"),
        keys,
        layer_rule("self_attn.v_proj.weight", "attn_v.weight", "keys", "embedding"),
        *values,
        layer_rule("self_attn.o_proj.weight", "attn_output.weight", "embedding", "queries"),
        layer_rule("post_attention_layernorm.weight", "ffn_norm.weight", "embedding"),
        layer_rule("mlp.gate_proj.weight", "ffn_gate.weight", "feed_forward", "embedding"),
        layer_rule("mlp.up_proj.weight", "ffn_up.weight", "feed_forward", "embedding"),
        layer_rule("mlp.down_proj.weight", "ffn_down.weight", "embedding", "feed_forward"),
    )
