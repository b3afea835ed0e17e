"""Which checkpoints are known, and which tensors they must hold."""

from pathlib import Path
from typing import Any

import pytest

from localqwq.errors import LocalqwqError
from localqwq_convert.architectures import ARCHITECTURES, find_architecture
from localqwq_convert.architectures.llama import LLAMA
from localqwq_convert.architectures.qwen2 import QWEN2
from localqwq_convert.architectures.qwen3 import QWEN3
from localqwq_convert.checkpoint import open_checkpoint
from localqwq_convert.dimensions import read_dimensions
from localqwq_convert.model import SourceModel, read_model
from tests.checkpoints import (
    LLAMA3_SCALING,
    make_checkpoint,
    random_tensors,
    tensor_shapes,
    write_safetensors,
)

CONFIG: dict[str, Any] = {
    "architectures": ["Qwen2ForCausalLM"],
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "vocab_size": 100,
}
BIASES = {"attention_bias": True, "mlp_bias": True}


def read(directory: Path) -> SourceModel:
    """The checkpoint in ``directory``, without its weights."""
    with open_checkpoint(directory) as checkpoint:
        return read_model(checkpoint, "small", "yarn")


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("Qwen2ForCausalLM", {}),
        ("LlamaForCausalLM", {}),
        ("LlamaForCausalLM", {"head_dim": 32}),
        ("LlamaForCausalLM", BIASES),
        ("Qwen3ForCausalLM", {"head_dim": 128}),
    ],
    ids=str,
)
def test_expects_the_tensors_of_a_checkpoint(name: str, change: dict[str, Any], tied: bool) -> None:
    """The tables give exactly the names and shapes that transformers saves."""
    config = CONFIG | {"architectures": [name], "tie_word_embeddings": tied} | change
    expected = ARCHITECTURES[name].expected(read_dimensions(config, "it"))
    assert {tensor.source: tensor.shape for tensor in expected} == tensor_shapes(config)
    assert len({tensor.target for tensor in expected}) == len(expected)


def test_rows_are_reordered_in_llamas_queries_and_keys_only() -> None:
    """Each within its own number of heads, biases too."""
    dimensions = read_dimensions(CONFIG | BIASES, "it")
    heads = {tensor.target: tensor.heads for tensor in LLAMA.expected(dimensions)}
    reordered = {name.partition("blk.1.")[2]: count for name, count in heads.items() if count}
    reordered.pop("", None)
    assert reordered == {
        "attn_q.weight": 4, "attn_q.bias": 4, "attn_k.weight": 2, "attn_k.bias": 2,
    }  # fmt: skip
    for table in (QWEN2, QWEN3):
        assert not any(tensor.heads for tensor in table.expected(dimensions))


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
    known = "localqwq converts Qwen2ForCausalLM, LlamaForCausalLM, Qwen3ForCausalLM"
    with pytest.raises(LocalqwqError, match=known):
        find_architecture({"architectures": names}, "it")


@pytest.mark.parametrize("names", [None, []])
def test_where_nothing_is_named_the_kind_counts(names: Any) -> None:
    """As in Transformers; merges that people write by hand leave the list out."""
    config = {"architectures": names, "model_type": "qwen3"}
    assert find_architecture(config, "it") is QWEN3


@pytest.mark.parametrize("name", ["Qwen2Model", "LlamaModel", "Qwen3Model"])
def test_a_model_that_was_saved_without_its_head(name: str) -> None:
    """AutoModel saves so; the way out is another class, not another program."""
    with pytest.raises(LocalqwqError, match="AutoModelForCausalLM instead of AutoModel"):
        find_architecture(CONFIG | {"architectures": [name]}, "it")


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("Qwen2ForCausalLM", {"use_sliding_window": True}),
        ("Qwen3ForCausalLM", {"attention_bias": True}),
        ("LlamaForCausalLM", {"hidden_act": "gelu"}),
    ],
)
def test_variants_that_llama_cpp_does_not_compute(name: str, change: dict[str, Any]) -> None:
    """They would convert and then answer wrongly, so they are refused by name."""
    config = CONFIG | {"architectures": [name]}
    assert find_architecture(config | dict.fromkeys(change), "it") is ARCHITECTURES[name]
    with pytest.raises(LocalqwqError, match=f"{next(iter(change))} .* cannot be converted"):
        find_architecture(config | change, "it")


WINDOW = {"use_sliding_window": True, "sliding_window": 4096}
FULL, SLIDING = "full_attention", "sliding_attention"


@pytest.mark.parametrize(
    "change",
    [
        {"max_window_layers": 3},
        {"max_window_layers": 28},
        {"sliding_window": None},
        {"layer_types": [FULL] * 3},
    ],
    ids=str,
)
@pytest.mark.parametrize("name", ["Qwen2ForCausalLM", "Qwen3ForCausalLM"])
def test_a_window_that_no_layer_has(name: str, change: dict[str, Any]) -> None:
    """Transformers computes full attention everywhere, and so does llama.cpp."""
    config = CONFIG | {"architectures": [name]} | WINDOW | change
    assert find_architecture(config, "it") is ARCHITECTURES[name]


@pytest.mark.parametrize(
    "change",
    [
        {"max_window_layers": 2},
        {"max_window_layers": "3"},
        {"max_window_layers": None},
        {"layer_types": [FULL, SLIDING, FULL]},
        {"layer_types": [FULL, SLIDING, FULL], "use_sliding_window": False},
        {"layer_types": [[]]},
    ],
    ids=str,
)
def test_a_window_that_some_layer_has(change: dict[str, Any]) -> None:
    """llama.cpp would attend to everything, which the model has not been trained for."""
    with pytest.raises(LocalqwqError, match="full attention: it cannot be converted"):
        find_architecture(CONFIG | WINDOW | change, "it")


@pytest.mark.parametrize(
    "change",
    [
        {"hidden_size": None},
        {"hidden_size": "64"},
        {"hidden_size": 66},
        {"num_hidden_layers": 1 << 40},
        {"num_attention_heads": True},
        {"num_attention_heads": 64, "num_key_value_heads": 64},
        {"num_key_value_heads": 3},
        {"vocab_size": 0},
        {"head_dim": 0},
        {"head_dim": 15},
    ],
    ids=str,
)
def test_impossible_dimensions(change: dict[str, Any]) -> None:
    """Numbers that cannot be are named before anything is allocated for them."""
    with pytest.raises(LocalqwqError, match="cannot be converted"):
        read_dimensions(CONFIG | change, "it")


def test_lengths_of_heads() -> None:
    """Named by the configuration, else the embedding's share; Qwen3 has 128 of old."""
    assert read_dimensions(CONFIG, "it").head == 16
    assert read_dimensions(CONFIG | {"head_dim": 32}, "it").queries == 128
    with pytest.raises(LocalqwqError, match="hidden size of 64"):
        read_dimensions(CONFIG | {"head_dim": 32}, "it", free_heads=False)
    assert read_dimensions(CONFIG, "it", head=QWEN3.head).queries == 512


def test_order_of_tensors_with_frequency_factors(tmp_path: Path) -> None:
    """`rope_freqs.weight` is computed, and stands where llama.cpp's quantizer puts it."""
    checkpoint = make_checkpoint(
        tmp_path,
        architecture="llama",
        layers=1,
        tied=False,
        config={"rope_scaling": LLAMA3_SCALING},
    )
    model = read(checkpoint)
    names = [tensor.target for tensor in model.tensors]
    assert names[:4] == [
        "output.weight", "output_norm.weight", "rope_freqs.weight", "token_embd.weight",
    ]  # fmt: skip
    assert names[4:] == sorted(names[4:])
    assert (model.tensors[2].source, model.tensors[2].shape) == ("", (32,))
    assert model.computed["rope_freqs.weight"].shape == (32,)


@pytest.mark.parametrize("architecture", ["qwen2", "llama", "qwen3"])
def test_missing_and_unexpected_tensors(tmp_path: Path, architecture: str) -> None:
    """Whatever is not exactly the architecture's is named."""
    checkpoint = make_checkpoint(tmp_path, architecture=architecture, layers=1, hidden=64)
    config = read(checkpoint).checkpoint.config
    tensors = random_tensors(tensor_shapes(config), "BF16", 0)
    extra = {"model.layers.0.self_attn.sinks": tensors["model.norm.weight"]}
    for changed, problem in (
        (tensors | extra, "does not know"),
        ({name: tensors[name] for name in list(tensors)[:-1]}, "lacks the tensor model.norm"),
        (tensors | {"model.norm.weight": tensors["model.embed_tokens.weight"]}, "do not match"),
    ):
        write_safetensors(checkpoint / "model.safetensors", changed)
        with pytest.raises(LocalqwqError, match=problem):
            read(checkpoint)
