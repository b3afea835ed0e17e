"""The recipes: as properties, against llama.cpp's own choices, and QwQ-32B's published sizes."""

import contextlib
from dataclasses import dataclass
from math import prod
from pathlib import Path

import gguf
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from localqwq.errors import LocalqwqError
from localqwq.gguf.types import BLOCKS, row_bytes
from localqwq_convert.mixtures import Place, more_bits
from localqwq_convert.recipes import (
    NEED_IMATRIX,
    QUANTIZATIONS,
    TENSOR_TYPES,
    Layout,
    check_quantizations,
    is_block_quantization,
    parse_override,
    requires_importance,
    tensor_types,
)
from tests.convert.llama_quantize import planned_types


@dataclass(frozen=True)
class Model:
    """A dense model; only what the recipes look at is true to scale."""

    architecture: str
    layers: int
    heads: int
    kv_heads: int
    embedding: int
    feed_forward: int
    tied: bool = False
    keys: int = 2
    """Rows of the value matrices, as of all that have no other number here."""
    vocabulary: int = 2

    @property
    def layout(self) -> Layout:
        """What the recipes ask for."""
        return Layout(self.architecture, self.layers, self.heads, self.kv_heads, self.tied)

    @property
    def tensors(self) -> list[tuple[str, tuple[int, ...]]]:
        """Names and shapes, in the order of a file."""
        narrow, wide = self.embedding, self.feed_forward
        outside: dict[str, tuple[int, ...]] = {
            "output.weight": (self.vocabulary, narrow),
            "output_norm.weight": (narrow,),
            "rope_freqs.weight": (64,),
            "token_embd.weight": (self.vocabulary, narrow),
        }
        if self.tied:
            del outside["output.weight"]
        inside: dict[str, tuple[int, ...]] = {
            "attn_k.bias": (self.keys,),
            "attn_k.weight": (self.keys, narrow),
            "attn_norm.weight": (narrow,),
            "attn_output.weight": (narrow, narrow),
            "attn_q.bias": (narrow,),
            "attn_q.weight": (narrow, narrow),
            "attn_q_norm.weight": (64,),
            "attn_v.bias": (self.keys,),
            "attn_v.weight": (self.keys, narrow),
            "ffn_down.weight": (narrow, wide),
            "ffn_gate.weight": (wide, narrow),
            "ffn_norm.weight": (narrow,),
            "ffn_up.weight": (wide, narrow),
        }
        layers = range(self.layers)
        return [
            *outside.items(),
            *((f"blk.{n}.{name}", shape) for n in layers for name, shape in inside.items()),
        ]

    def write(self, path: Path) -> None:
        """Write a BF16 file of this model whose data are a hole."""
        writer = gguf.GGUFWriter(path, self.architecture)
        writer.add_block_count(self.layers)
        writer.add_context_length(2048)
        writer.add_embedding_length(self.embedding)
        writer.add_feed_forward_length(self.feed_forward)
        writer.add_head_count(self.heads)
        writer.add_head_count_kv(self.kv_heads)
        writer.add_layer_norm_rms_eps(1e-6)
        writer.add_key_length(64)
        writer.add_value_length(64)
        end = 0
        for name, shape in self.tensors:
            plain = np.dtype(np.float32) if len(shape) == 1 else np.dtype(np.uint8)
            kind = None if len(shape) == 1 else gguf.GGMLQuantizationType.BF16
            stored = shape if kind is None else (*shape[:-1], 2 * shape[-1])
            size = prod(stored) * plain.itemsize
            writer.add_tensor_info(name, stored, plain, size, kind)
            end += -(-size // 32) * 32
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_ti_data_to_file()
        writer.close()
        with path.open("r+b") as file:
            header = file.seek(0, 2)
            file.truncate(-(-header // 32) * 32 + end)


QWQ = Model("qwen2", 64, 40, 8, 5120, 27648, keys=1024, vocabulary=152064)
MODELS = {
    "QwQ-32B": QWQ,
    "Qwen2.5-0.5B": Model("qwen2", 24, 14, 2, 896, 4864, tied=True),
    "Qwen2.5-72B": Model("qwen2", 80, 64, 8, 8192, 29568),
    "Llama-65B": Model("llama", 80, 64, 64, 8192, 22016),
    "Llama-3.1-70B": Model("llama", 80, 64, 8, 8192, 28672),
    "Qwen3-0.6B": Model("qwen3", 28, 16, 8, 1024, 3072, tied=True),
    "Qwen3 of 80 layers": Model("qwen3", 80, 64, 8, 512, 768),
    "one layer": Model("llama", 1, 4, 4, 40, 288, tied=True),
}

models = st.builds(
    Model,
    architecture=st.sampled_from(["qwen2", "llama", "qwen3"]),
    layers=st.one_of(st.integers(1, 40), st.just(80)),
    heads=st.just(16),
    kv_heads=st.sampled_from([1, 4, 5, 8, 16]),
    embedding=st.sampled_from([40, 64, 96, 256, 288, 512]),
    feed_forward=st.sampled_from([40, 256, 288, 768]),
    tied=st.booleans(),
)
patterns = st.sampled_from(
    ["attn_v", "ffn_(up|gate)", r"blk\.[0-3]\.", r"^output\.weight$", "token_embd", "norm", "."]
)
overrides = st.lists(st.tuples(patterns, st.sampled_from(TENSOR_TYPES)), max_size=3)
quantizations = st.sampled_from(QUANTIZATIONS)
few = settings(max_examples=50, deadline=None)


def chosen(
    model: Model,
    quantization: str,
    *,
    chosen_overrides: list[tuple[str, str]] | None = None,
    has_imatrix: bool = False,
) -> list[str]:
    """The types of all tensors of a model."""
    parsed = [parse_override("=".join(pair)) for pair in chosen_overrides or []]
    return tensor_types(quantization, model.tensors, model.layout, parsed, has_imatrix)


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file to write models to."""
    return tmp_path_factory.mktemp("recipes") / "model.gguf"


def agree(
    model: Model,
    path: Path,
    quantization: str,
    pairs: list[tuple[str, str]],
    has_imatrix: bool,
) -> None:
    """Every type, and the order, are those of llama.cpp for the model in the file."""
    imatrix = {"nothing": np.ones(1, dtype=np.float32)} if has_imatrix else None
    theirs = planned_types(path, quantization, imatrix=imatrix, overrides=pairs)
    ours = chosen(model, quantization, chosen_overrides=pairs, has_imatrix=has_imatrix)
    names = [name for name, _ in model.tensors]
    assert list(zip(names, ours, strict=True)) == theirs


@pytest.mark.parametrize(
    ("name", "has_imatrix"), [*((name, False) for name in MODELS), ("QwQ-32B", True)]
)
def test_llama_cpp_would_choose_the_same(scratch: Path, name: str, has_imatrix: bool) -> None:
    """Every recipe on models as they are published: llama.cpp's dry run says the same."""
    model = MODELS[name]
    model.write(scratch)
    for quantization in QUANTIZATIONS:
        agree(model, scratch, quantization, [], has_imatrix)


@few
@given(models, quantizations, overrides, st.booleans())
def test_llama_cpp_would_choose_the_same_for_any_model(
    scratch: Path, model: Model, quantization: str, pairs: list[tuple[str, str]], imatrix: bool
) -> None:
    """Whatever the numbers of layers and heads, row lengths and overrides."""
    model.write(scratch)
    agree(model, scratch, quantization, pairs, imatrix)


@pytest.mark.parametrize(
    ("quantization", "mebibytes", "bits"),
    [
        ("Q4_K_M", 18926.01, 4.85),
        ("Q5_K_M", 22178.82, 5.68),
        ("Q6_K", 25634.93, 6.56),
        ("Q8_0", 33202.08, 8.50),
    ],
)
def test_sizes_of_qwq(quantization: str, mebibytes: float, bits: float) -> None:
    """The sizes that QwQ-32B's quantizations have everywhere."""
    without = ("rope_freqs.weight", "attn_q_norm.weight")
    total = parameters = 0
    for (name, shape), kind in zip(QWQ.tensors, chosen(QWQ, quantization), strict=True):
        if not name.endswith(without):
            total += row_bytes(kind, shape[-1]) * prod(shape[:-1])
            parameters += prod(shape)
    assert total / 2**20 == pytest.approx(mebibytes, abs=0.005)
    assert total * 8 / parameters == pytest.approx(bits, abs=0.005)


def test_layers_of_qwq_with_more_bits() -> None:
    """Half of the 64 layers: both ends, and every third between."""
    better = [layer for layer in range(64) if more_bits(Place(layer, 64, 5, False))]
    assert better == [*range(8), *range(10, 56, 3), *range(56, 64)]


@few
@given(models, quantizations, overrides, st.booleans())
def test_rows_are_whole_blocks(
    model: Model, quantization: str, pairs: list[tuple[str, str]], imatrix: bool
) -> None:
    """Whatever the row length, the type that is chosen fits it; vectors and norms stay F32."""
    types = chosen(model, quantization, chosen_overrides=pairs, has_imatrix=imatrix)
    for (name, shape), kind in zip(model.tensors, types, strict=True):
        assert shape[-1] % BLOCKS[kind][0] == 0
        if len(shape) == 1 or "norm" in name:
            assert kind == "F32"


@few
@given(models, st.sampled_from(["BF16", "F16", "F32"]), overrides)
def test_plain_types_are_uniform(
    model: Model, quantization: str, pairs: list[tuple[str, str]]
) -> None:
    """All matrices of an unquantized file have its type, with overrides or without."""
    types = chosen(model, quantization, chosen_overrides=pairs)
    matrices = [kind for kind, (_, shape) in zip(types, model.tensors, strict=True) if shape[1:]]
    assert set(matrices) == {quantization}


@few
@given(models, st.booleans())
def test_better_quantizations_are_larger(model: Model, imatrix: bool) -> None:
    """The order people expect, wherever rows allow the quantization."""
    sizes = []
    for quantization in ("Q2_K", "Q3_K_M", "Q4_K_M", "Q5_K_M", "Q6_K", "Q8_0", "BF16", "F32"):
        types = chosen(model, quantization, has_imatrix=imatrix)
        sizes.append(
            sum(
                row_bytes(kind, shape[-1]) * prod(shape[:-1])
                for kind, (_, shape) in zip(types, model.tensors, strict=True)
            )
        )
    assert sizes == sorted(sizes)


@few
@given(models, quantizations)
def test_needing_a_matrix_is_the_sum_of_its_tensors_needs(model: Model, quantization: str) -> None:
    """What passes without a matrix has no tensor that needs one."""
    types = chosen(model, quantization)
    needed = [
        requires_importance(quantization, name, kind)
        for (name, _), kind in zip(model.tensors, types, strict=True)
    ]
    if any(needed):
        assert quantization in NEED_IMATRIX


def test_overridden_tensors_are_not_counted() -> None:
    """The first layer that the rules see is the first that no override took."""
    pairs = [(r"blk\.[01]\.attn_v", "f16"), ("attn_v", "Q8_0")]
    model = Model("llama", 8, 4, 4, 512, 512)
    names = [name for name, _ in model.tensors]
    for count, expected in [
        (1, ["F16"] * 2 + ["Q5_K"] * 4 + ["Q4_K"] * 2),
        (2, ["F16"] * 2 + ["Q8_0"] * 6),
    ]:
        types = chosen(model, "Q4_K_S", chosen_overrides=pairs[:count])
        found = [t for name, t in zip(names, types, strict=True) if name.endswith("attn_v.weight")]
        assert found == expected


def test_unknown_quantizations_list_the_known() -> None:
    """Case does not matter, duplicates are one, and a wrong name is answered."""
    assert check_quantizations(["q8_0", "Q4_K_M", "Q8_0"]) == ["Q8_0", "Q4_K_M"]
    assert check_quantizations(["q4_k", "Q5_K", "Q3_K", "Q4_K_M"]) == ["Q4_K_M", "Q5_K_M", "Q3_K_M"]
    with pytest.raises(LocalqwqError, match="'Q9_X': choose from BF16, F16, F32, Q8_0, Q6_K"):
        check_quantizations(["Q8_0", "q9_x"])


@pytest.mark.parametrize("quantization", NEED_IMATRIX)
def test_what_needs_a_matrix_says_so(quantization: str) -> None:
    """Before anything is read."""
    assert check_quantizations([quantization], has_imatrix=True) == [quantization]
    with pytest.raises(
        LocalqwqError, match=f"{quantization} needs an importance matrix.*--imatrix"
    ):
        check_quantizations([quantization])


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("attn_v", "write PATTERN=TYPE"),
        ("=Q8_0", "write PATTERN=TYPE"),
        ("attn_v=", "write PATTERN=TYPE"),
        ("attn_v=Q9_0", "no tensor type 'Q9_0': choose from F32"),
        ("attn_(v=Q8_0", "not a regular expression"),
        ("a{99999999999999999999}=Q8_0", "not a regular expression"),
    ],
)
def test_wrong_overrides_are_answered(text: str, sentence: str) -> None:
    """What is wrong, and how it is written."""
    with pytest.raises(LocalqwqError, match=sentence):
        parse_override(text)


@given(st.text(max_size=40))
def test_any_text_is_an_override_or_an_error(text: str) -> None:
    """Nothing that people type makes a traceback."""
    with contextlib.suppress(LocalqwqError):
        assert parse_override(text + "=q8_0").type == "Q8_0"


@given(quantizations)
def test_block_quantizations_are_all_but_the_plain(quantization: str) -> None:
    """Three are types of numbers, all others go through llama.cpp's quantizer."""
    assert is_block_quantization(quantization) == (quantization not in ("BF16", "F16", "F32"))
