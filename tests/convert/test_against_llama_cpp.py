"""llama.cpp as the witness: it makes the same bytes, reads our files, and computes the model."""

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import llama_cpp
import numpy as np
import pytest
from numpy.typing import NDArray

from localqwq.gguf.header import read_header
from localqwq_convert.checkpoint import open_checkpoint
from localqwq_convert.pipeline import convert
from localqwq_convert.recipes import NEED_IMATRIX, QUANTIZATIONS, is_block_quantization
from tests.checkpoints import make_checkpoint
from tests.convert.imatrices import write_imatrix
from tests.convert.llama_quantize import quantize

F32 = NDArray[np.float32]


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """llama.cpp keeps its log to itself."""
    silent = llama_cpp.llama_log_callback(lambda level, text, data: None)
    llama_cpp.llama_log_set(silent, ctypes.c_void_p(0))
    yield
    llama_cpp.llama_log_set(llama_cpp.llama_log_callback(), ctypes.c_void_p(0))


@contextmanager
def loaded(path: Path, *, vocab_only: bool = False) -> Iterator[llama_cpp.llama_model_p]:
    """A model as llama.cpp loads it."""
    parameters = llama_cpp.llama_model_default_params()
    parameters.vocab_only = vocab_only
    parameters.n_gpu_layers = 0
    model = llama_cpp.llama_model_load_from_file(str(path).encode(), parameters)
    assert model is not None
    yield model
    llama_cpp.llama_model_free(model)


def tokenize(model: llama_cpp.llama_model_p, text: str) -> list[int]:
    """Token ids of a text, with special tokens recognised."""
    vocabulary = llama_cpp.llama_model_get_vocab(model)
    assert vocabulary is not None
    data = text.encode()
    room = (llama_cpp.llama_token * 256)()
    count = llama_cpp.llama_tokenize(vocabulary, data, len(data), room, 256, True, True)
    return list(room[:count])


SHAPES: dict[str, dict[str, Any]] = {
    "whole blocks": {"layers": 4, "kv_heads": 1, "feed_forward": 256, "tied": False},
    "tied": {"layers": 1, "feed_forward": 256},
    "fallbacks": {"layers": 3, "hidden": 96, "heads": 3, "kv_heads": 3, "feed_forward": 256},
    "20 layers": {"layers": 20, "hidden": 32, "feed_forward": 64, "tied": False},
    "narrow rows": {"layers": 1, "hidden": 40, "heads": 1, "kv_heads": 1, "tied": False},
    "llama": {"architecture": "llama", "layers": 1, "feed_forward": 256, "tied": False},
    "qwen3": {"architecture": "qwen3", "layers": 1, "feed_forward": 256},
}
BLOCK_QUANTIZATIONS = [name for name in QUANTIZATIONS if is_block_quantization(name)]
CALIBRATED = ("tied", "fallbacks", "llama", "qwen3")
"""Shapes that are also converted with an importance matrix."""


@pytest.fixture
def one_ggml(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both sides use one copy of ggml: a wheel holds several, and each computes tables for 20 s."""
    library = Path(llama_cpp.__file__).parent / "lib" / "libggml-base.so.0"
    if library.exists():
        (tmp_path / "lib").mkdir()
        (tmp_path / "lib" / "libggml-base.so").symlink_to(library)
        monkeypatch.setenv("LLAMA_CPP_LIB_PATH", str(tmp_path / "lib"))


@pytest.mark.parametrize("shape", SHAPES)
def test_the_same_files_as_llama_cpps_quantizer(tmp_path: Path, shape: str) -> None:
    """Straight from the checkpoint, or by llama.cpp from our BF16 file: every byte is the same."""
    quantizations = [name for name in BLOCK_QUANTIZATIONS if name not in NEED_IMATRIX]
    checkpoint = make_checkpoint(tmp_path / "m", **SHAPES[shape])
    convert(checkpoint, tmp_path, ["BF16", *quantizations])
    for quantization in quantizations:
        quantize(tmp_path / "m-BF16.gguf", tmp_path / "reference.gguf", quantization)
        assert_same(tmp_path / f"m-{quantization}.gguf", tmp_path / "reference.gguf")


def test_the_same_files_of_a_model_of_80_layers(tmp_path: Path) -> None:
    """llama.cpp takes it for one of 70 billion parameters, whatever its size."""
    quantizations = ["Q4_K_M", "Q3_K_S", "Q2_K", "IQ4_XS"]
    checkpoint = make_checkpoint(
        tmp_path / "m", layers=80, hidden=32, heads=2, kv_heads=1, feed_forward=32
    )
    convert(checkpoint, tmp_path, ["BF16", *quantizations])
    for quantization in quantizations:
        quantize(tmp_path / "m-BF16.gguf", tmp_path / "reference.gguf", quantization)
        assert_same(tmp_path / f"m-{quantization}.gguf", tmp_path / "reference.gguf")


@pytest.mark.usefixtures("one_ggml")
@pytest.mark.parametrize("shape", CALIBRATED)
def test_the_same_files_with_an_importance_matrix(tmp_path: Path, shape: str) -> None:
    """Every quantization, those that need the matrix too, and what the file says of it."""
    checkpoint = make_checkpoint(tmp_path / "m", **SHAPES[shape])
    convert(checkpoint, tmp_path, ["BF16"])
    values = random_importances(tmp_path / "m-BF16.gguf")
    matrix = tmp_path / "m.imatrix.gguf"
    write_imatrix(matrix, values)
    convert(checkpoint, tmp_path, BLOCK_QUANTIZATIONS, imatrix=matrix)
    metadata: dict[str, str | int] = {
        "quantize.imatrix.file": str(matrix)[:127],
        "quantize.imatrix.dataset": "wiki.txt",
        "quantize.imatrix.entries_count": len(values),
        "quantize.imatrix.chunks_count": 7,
    }
    for quantization in BLOCK_QUANTIZATIONS:
        quantize(
            tmp_path / "m-BF16.gguf",
            tmp_path / "reference.gguf",
            quantization,
            imatrix=values,
            metadata=metadata,
        )
        assert_same(tmp_path / f"m-{quantization}.gguf", tmp_path / "reference.gguf")


def test_the_same_file_with_overrides(tmp_path: Path) -> None:
    """Types that people choose by pattern, the first match deciding."""
    pairs = [("attn_v", "Q8_0"), (r"blk\.[02]\.", "IQ4_XS"), ("attn_q|embd", "F16"), ("q", "Q4_1")]
    checkpoint = make_checkpoint(tmp_path / "m", **SHAPES["whole blocks"])
    convert(checkpoint, tmp_path, ["BF16", "Q4_K_M"], tensor_types=["=".join(p) for p in pairs])
    quantize(tmp_path / "m-BF16.gguf", tmp_path / "reference.gguf", "Q4_K_M", overrides=pairs)
    assert_same(tmp_path / "m-Q4_K_M.gguf", tmp_path / "reference.gguf")


@pytest.mark.parametrize("quantization", ["F16", "F32"])
def test_the_same_tensors_in_plain_types(tmp_path: Path, quantization: str) -> None:
    """Only the place of two keys differs: llama.cpp's converter has them elsewhere."""
    convert(make_checkpoint(tmp_path / "m"), tmp_path, ["BF16", quantization])
    quantize(tmp_path / "m-BF16.gguf", tmp_path / "reference.gguf", quantization)
    ours, theirs = (
        read_header(path)
        for path in (tmp_path / f"m-{quantization}.gguf", tmp_path / "reference.gguf")
    )
    assert ours.metadata == theirs.metadata
    assert ours.data_offset == theirs.data_offset
    assert ours.tensors == theirs.tensors
    data = [
        path.read_bytes()[ours.data_offset :]
        for path in (tmp_path / f"m-{quantization}.gguf", tmp_path / "reference.gguf")
    ]
    assert data[0] == data[1]


def assert_same(ours: Path, theirs: Path) -> None:
    """Two files have the same bytes; a difference is said by tensor, not by byte."""
    if ours.read_bytes() == theirs.read_bytes():
        return
    headers = [read_header(path) for path in (ours, theirs)]
    kinds = [[(t.name, t.shape, t.type) for t in header.tensors] for header in headers]
    assert kinds[0] == kinds[1], ours
    assert list(headers[0].metadata.items()) == list(headers[1].metadata.items()), ours
    raise AssertionError(f"{ours}: other data")


def random_importances(model: Path) -> dict[str, F32]:
    """A mean square for each column of every matrix but the embedding, as a model has them."""
    random = np.random.default_rng(3)
    return {
        tensor.name: random.lognormal(0, 2, tensor.shape[0]).astype(np.float32)
        for tensor in read_header(model).tensors
        if len(tensor.shape) > 1 and tensor.name != "token_embd.weight"
    }


def test_its_tokenizer_agrees(tmp_path: Path) -> None:
    """Letters, merges and both kinds of added tokens get the ids of the tokenizer.json."""
    convert(make_checkpoint(tmp_path / "small"), tmp_path, ["Q8_0"])
    with loaded(tmp_path / "small-Q8_0.gguf", vocab_only=True) as model:
        assert tokenize(model, "hello world") == [268, 271, ord("l"), ord("d")]
        assert tokenize(model, "<think>\nhe</think>") == [263, 10, 265, 264]
        assert tokenize(model, "<|im_start|>ü<|im_end|>") == [257, 0xC3, 0xBC, 258]
        assert tokenize(model, "12") == [ord("1"), ord("2")]
        vocabulary = llama_cpp.llama_model_get_vocab(model)
        assert llama_cpp.llama_vocab_eos(vocabulary) == 258
        assert llama_cpp.llama_vocab_bos(vocabulary) == 256
        assert llama_cpp.llama_vocab_n_tokens(vocabulary) == 288
        assert not llama_cpp.llama_vocab_get_add_bos(vocabulary)
        assert llama_cpp.llama_vocab_is_control(vocabulary, 258)
        assert not llama_cpp.llama_vocab_is_control(vocabulary, 263)


@pytest.mark.parametrize("tied", [True, False])
def test_it_computes_the_checkpoints_model(tmp_path: Path, tied: bool) -> None:
    """Logits are those of a plain numpy forward pass over the checkpoint's own tensors."""
    checkpoint = make_checkpoint(tmp_path / "small", tied=tied, dtype="F32", seed=5)
    convert(checkpoint, tmp_path, ["F32"])
    tokens = [1, 100, 7, 258, 42]
    with loaded(tmp_path / "small-F32.gguf") as model:
        found = llama_cpp_logits(model, tokens)
    expected = numpy_logits(checkpoint, tokens)
    assert np.abs(found - expected).max() < 2e-3 * np.abs(expected).max()


def llama_cpp_logits(model: llama_cpp.llama_model_p, tokens: list[int]) -> F32:
    """Logits after the last token."""
    parameters = llama_cpp.llama_context_default_params()
    parameters.n_ctx = 64
    parameters.n_threads = parameters.n_threads_batch = 1
    context = llama_cpp.llama_init_from_model(model, parameters)
    assert context is not None
    room = (llama_cpp.llama_token * len(tokens))(*tokens)
    assert llama_cpp.llama_decode(context, llama_cpp.llama_batch_get_one(room, len(tokens))) == 0
    logits = llama_cpp.llama_get_logits_ith(context, -1)
    values = np.ctypeslib.as_array(logits, shape=(288,)).copy()
    llama_cpp.llama_free(context)
    return values


def numpy_logits(directory: Path, tokens: list[int]) -> F32:
    """Logits after the last token of a Qwen2 model, written down from its definition."""
    with open_checkpoint(directory) as checkpoint:
        checkpoint.map_shards()
        weights: dict[str, F32] = {}
        for name, stored in checkpoint.tensors.items():
            rows = stored.shape[0] if len(stored.shape) == 2 else 1
            values = checkpoint.rows(stored, 0, rows).astype(np.float32)
            weights[name.removeprefix("model.")] = values.reshape(stored.shape)
        config = checkpoint.config
    heads, kv_heads = config["num_attention_heads"], config["num_key_value_heads"]
    hidden = weights["embed_tokens.weight"][tokens]
    for layer in range(config["num_hidden_layers"]):
        inside = {
            name.split(".", 2)[2]: values
            for name, values in weights.items()
            if name.startswith(f"layers.{layer}.")
        }
        hidden = hidden + attention(
            norm(hidden, inside["input_layernorm.weight"]), inside, heads, kv_heads
        )
        inner = norm(hidden, inside["post_attention_layernorm.weight"])
        gate = inner @ inside["mlp.gate_proj.weight"].T
        up = inner @ inside["mlp.up_proj.weight"].T
        hidden = hidden + (gate / (1 + np.exp(-gate)) * up) @ inside["mlp.down_proj.weight"].T
    output = weights.get("lm_head.weight", weights["embed_tokens.weight"])
    logits: F32 = output @ norm(hidden, weights["norm.weight"])[-1]
    return logits


def norm(values: F32, weight: F32) -> F32:
    """RMSNorm over the last axis."""
    scaled: F32 = values / np.sqrt((values**2).mean(-1, keepdims=True) + 1e-6) * weight
    return scaled


def attention(values: F32, weights: dict[str, F32], heads: int, kv_heads: int) -> F32:
    """Causal attention with rotated queries and keys; key and value heads are shared."""

    def project(name: str, count: int) -> F32:
        flat = values @ weights[f"self_attn.{name}_proj.weight"].T
        flat = flat + weights[f"self_attn.{name}_proj.bias"]
        return flat.reshape(len(values), count, -1).transpose(1, 0, 2)

    queries, keys = rotate(project("q", heads)), rotate(project("k", kv_heads))
    shared = heads // kv_heads
    keys = keys.repeat(shared, axis=0)
    scores = queries @ keys.transpose(0, 2, 1) / np.sqrt(queries.shape[-1])
    scores = np.where(np.tri(len(values), dtype=bool), scores, -np.inf)
    scores = np.exp(scores - scores.max(-1, keepdims=True))
    mixed = scores / scores.sum(-1, keepdims=True) @ project("v", kv_heads).repeat(shared, axis=0)
    joined: F32 = mixed.transpose(1, 0, 2).reshape(len(values), -1)
    return joined @ weights["self_attn.o_proj.weight"].T


def rotate(values: F32) -> F32:
    """Rotary embedding with base 10,000; a head's first half pairs with its second."""
    half = values.shape[-1] // 2
    angles = np.arange(values.shape[1])[:, None] * 10000.0 ** (-np.arange(half) / half)
    first, second = values[..., :half], values[..., half:]
    turned = [
        first * np.cos(angles) - second * np.sin(angles),
        second * np.cos(angles) + first * np.sin(angles),
    ]
    return np.concatenate(turned, axis=-1).astype(np.float32)
