"""Which checkpoints are known, and which tensors they must hold."""

from typing import Any

import pytest

from localqwq.errors import LocalqwqError
from localqwq_convert.architecture import QWEN2, find_architecture, read_dimensions
from tests.checkpoints import tensor_shapes

CONFIG: dict[str, Any] = {
    "architectures": ["Qwen2ForCausalLM"],
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "vocab_size": 100,
}


@pytest.mark.parametrize("tied", [True, False])
def test_expects_the_tensors_of_a_checkpoint(tied: bool) -> None:
    """The table gives exactly the names and shapes that transformers saves."""
    config = CONFIG | {"tie_word_embeddings": tied}
    expected = QWEN2.expected(read_dimensions(config, "it"))
    assert {tensor.source: tensor.shape for tensor in expected} == tensor_shapes(config)
    assert len({tensor.target for tensor in expected}) == len(expected)


def test_what_may_be_left_out() -> None:
    """Old rotary tables always, an output matrix only where it is the embedding."""
    tied = read_dimensions(CONFIG | {"tie_word_embeddings": True}, "it")
    untied = read_dimensions(CONFIG, "it")
    assert QWEN2.ignores("model.layers.0.self_attn.rotary_emb.inv_freq", untied)
    assert QWEN2.ignores("lm_head.weight", tied)
    assert not QWEN2.ignores("lm_head.weight", untied)
    assert not QWEN2.ignores("model.layers.0.mlp.experts.weight", tied)


@pytest.mark.parametrize("names", [["MambaForCausalLM"], [], None, "Qwen2ForCausalLM", [{}]])
def test_an_unknown_architecture_lists_the_known(names: Any) -> None:
    """The sentence says what can be converted."""
    with pytest.raises(LocalqwqError, match="localqwq converts Qwen2ForCausalLM"):
        find_architecture({"architectures": names}, "it")


@pytest.mark.parametrize(
    "change",
    [
        {"hidden_size": None},
        {"hidden_size": "64"},
        {"hidden_size": 66},
        {"num_hidden_layers": 1 << 40},
        {"num_attention_heads": True},
        {"num_key_value_heads": 3},
        {"vocab_size": 0},
    ],
    ids=str,
)
def test_impossible_dimensions(change: dict[str, Any]) -> None:
    """Numbers that cannot be are named before anything is allocated for them."""
    with pytest.raises(LocalqwqError, match="cannot be converted"):
        read_dimensions(CONFIG | change, "it")
