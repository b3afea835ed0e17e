"""The recipes, as properties and against the published sizes of QwQ-32B."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localqwq.errors import LocalqwqError
from localqwq.gguf.types import BLOCKS
from localqwq_convert.architecture import QWEN2, Dimensions
from localqwq_convert.header import OutputTensor
from localqwq_convert.recipes import (
    QUANTIZATIONS,
    Layout,
    check_quantizations,
    gets_more_bits,
    tensor_type,
)

QWQ = Dimensions(
    layers=64, embedding=5120, feed_forward=27648, heads=40, kv_heads=8, head=128,
    vocabulary=152064, tied=False,
)  # fmt: skip

dimensions = st.builds(
    Dimensions,
    layers=st.integers(1, 100),
    embedding=st.integers(1, 40).map(lambda n: n * 32),
    feed_forward=st.integers(1, 200).map(lambda n: n * 8),
    heads=st.just(4),
    kv_heads=st.sampled_from([1, 2, 4]),
    head=st.sampled_from([8, 64, 80]),
    vocabulary=st.integers(1, 1000),
    tied=st.booleans(),
)
quantizations = st.sampled_from(QUANTIZATIONS)


def outputs(shape: Dimensions, quantization: str) -> list[OutputTensor]:
    """Every tensor of a model with the type that the recipe gives it."""
    layout = Layout(shape.layers, shape.tied)
    return [
        OutputTensor(t.target, t.shape, tensor_type(quantization, t.target, t.shape, layout))
        for t in QWEN2.expected(shape)
    ]


@pytest.mark.parametrize(
    ("quantization", "mebibytes", "bits"), [("Q4_K_M", 18926.01, 4.85), ("Q8_0", 33202.08, 8.50)]
)
def test_sizes_of_qwq(quantization: str, mebibytes: float, bits: float) -> None:
    """771 tensors, and the sizes that QwQ-32B's quantizations have everywhere."""
    tensors = outputs(QWQ, quantization)
    total = sum(tensor.bytes for tensor in tensors)
    parameters = sum(t.shape[0] * (t.shape[1] if len(t.shape) > 1 else 1) for t in tensors)
    assert len(tensors) == 771
    assert total / 2**20 == pytest.approx(mebibytes, abs=0.005)
    assert total * 8 / parameters == pytest.approx(bits, abs=0.005)


def test_layers_of_qwq_with_more_bits() -> None:
    """Half of the 64 layers: both ends, and every third between."""
    chosen = [layer for layer in range(64) if gets_more_bits(layer, 64)]
    assert chosen == [*range(8), *range(10, 56, 3), *range(56, 64)]


@given(dimensions, quantizations)
def test_rows_are_whole_blocks(shape: Dimensions, quantization: str) -> None:
    """Whatever the row length, the type that is chosen fits it."""
    for tensor in outputs(shape, quantization):
        assert tensor.shape[-1] % BLOCKS[tensor.type][0] == 0


@given(dimensions, quantizations)
def test_norms_and_biases_stay_exact(shape: Dimensions, quantization: str) -> None:
    """Vectors are F32 in every file, and so are norms."""
    for tensor in outputs(shape, quantization):
        if len(tensor.shape) == 1 or "norm" in tensor.name:
            assert tensor.type == "F32"


@given(dimensions, st.sampled_from(["BF16", "F16", "F32"]))
def test_plain_types_are_uniform(shape: Dimensions, quantization: str) -> None:
    """All matrices of an unquantized file have its type."""
    matrices = [t for t in outputs(shape, quantization) if len(t.shape) == 2]
    assert {tensor.type for tensor in matrices} == {quantization}


@given(dimensions)
def test_q4_k_m_is_smaller_than_q8_0_and_that_than_bf16(shape: Dimensions) -> None:
    """The order people expect, wherever rows allow the quantization."""
    sizes = [
        sum(tensor.bytes for tensor in outputs(shape, quantization))
        for quantization in ("Q4_K_M", "Q8_0", "BF16", "F32")
    ]
    assert sizes == sorted(sizes)


@given(st.integers(1, 200))
def test_ends_get_more_bits(layers: int) -> None:
    """The last layer always does; of many layers between a third and two thirds do."""
    chosen = sum(gets_more_bits(layer, layers) for layer in range(layers))
    assert gets_more_bits(layers - 1, layers)
    if layers >= 16:
        assert layers / 3 <= chosen <= 2 * layers / 3


@pytest.mark.parametrize(
    ("name", "columns", "tied", "expected"),
    [
        ("output.weight", 512, False, "Q6_K"),
        ("output.weight", 288, False, "Q8_0"),
        ("token_embd.weight", 512, False, "Q4_K"),
        ("token_embd.weight", 512, True, "Q6_K"),
        ("token_embd.weight", 288, True, "Q8_0"),
        ("token_embd.weight", 40, True, "F16"),
        ("blk.0.attn_v.weight", 512, True, "Q6_K"),
        ("blk.0.attn_v.weight", 288, True, "Q8_0"),
        ("blk.20.attn_v.weight", 512, True, "Q5_K"),
        ("blk.20.attn_v.weight", 288, True, "Q5_1"),
        ("blk.20.ffn_down.weight", 512, True, "Q4_K"),
        ("blk.20.ffn_down.weight", 288, True, "Q5_0"),
        ("blk.20.ffn_down.weight", 40, True, "F16"),
        ("blk.20.ffn_norm.weight", 512, True, "F32"),
    ],
)
def test_q4_k_m_tensor_by_tensor(name: str, columns: int, tied: bool, expected: str) -> None:
    """The table of llama.cpp for a model of 80 layers, with every fallback."""
    assert tensor_type("Q4_K_M", name, (8, columns), Layout(80, tied)) == expected


def test_unknown_quantizations_list_the_known() -> None:
    """Case does not matter, duplicates are one, and a wrong name is answered."""
    assert check_quantizations(["q8_0", "Q4_K_M", "Q8_0"]) == ["Q8_0", "Q4_K_M"]
    with pytest.raises(LocalqwqError, match="'Q9_X': choose from BF16, F16, F32, Q8_0, Q4_K_M"):
        check_quantizations(["Q8_0", "q9_x"])
