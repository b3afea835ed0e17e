"""The facts of a model from its header."""

import struct
from dataclasses import replace
from pathlib import Path

import gguf
import numpy as np
import pytest

from localqwq.errors import LocalqwqError
from localqwq.gguf.facts import ModelFacts, read_facts
from localqwq.gguf.header import read_header
from localqwq.gguf.sampling import Sampling
from localqwq.gguf.types import row_bytes
from localqwq_convert.pipeline import convert
from tests.checkpoints import make_checkpoint


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pack with the quantizations of an untied model of three layers."""
    root = tmp_path_factory.mktemp("facts")
    make_checkpoint(root / "small", layers=3, tied=False)
    convert(root / "small", root, ["BF16", "Q8_0", "Q4_K_M"])
    return root


def written(path: Path, architecture: str, **keys: int | float | str) -> Path:
    """A GGUF with two layers of one tensor each, written by the gguf package."""
    writer = gguf.GGUFWriter(path, architecture)
    needed: dict[str, int | float | str] = {
        "block_count": 2, "context_length": 64, "embedding_length": 32,
        "feed_forward_length": 64, "attention.head_count": 4,
    }  # fmt: skip
    for key, value in (needed | keys).items():
        full = key if "general" in key or "split" in key else f"{architecture}.{key}"
        match value:
            case str():
                writer.add_string(full, value)
            case float():
                writer.add_float32(full, value)
            case _:
                writer.add_uint32(full, value)
    for name in ("token_embd.weight", "blk.0.attn_q.weight", "blk.1.attn_q.weight"):
        writer.add_tensor_info(name, [8, 32], np.dtype("float32"), 1024)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    writer.close()
    header = path.read_bytes()
    path.write_bytes(header + bytes(-len(header) % 32) + bytes(3 * 1024))
    return path


@pytest.mark.parametrize("quant", ["BF16", "Q8_0", "Q4_K_M"])
def test_facts_of_a_converted_model(pack: Path, quant: str) -> None:
    """Every fact is that of the checkpoint."""
    path = pack / f"small-{quant}.gguf"
    facts = read_facts(path)
    assert facts.path == path
    assert facts.bytes == path.stat().st_size
    assert (facts.name, facts.architecture, facts.quant) == ("small", "qwen2", quant)
    assert (facts.layers, facts.embedding, facts.feed_forward) == (3, 256, 512)
    assert (facts.heads, facts.kv_heads, facts.key_length, facts.value_length) == (4, 2, 64, 64)
    assert (facts.vocabulary, facts.context_length) == (288, 2048)
    assert (facts.rope_scaling, facts.rope_factor) == ("none", 1.0)
    assert facts.rope_original_context == 2048
    assert facts.sampling == Sampling(temperature=0.6, top_p=0.95, top_k=40)
    assert facts.chat_template is not None
    assert "<think>" in facts.chat_template
    assert not facts.tied_embeddings


@pytest.mark.parametrize("quant", ["BF16", "Q8_0", "Q4_K_M"])
def test_weight_bytes_add_up(pack: Path, quant: str) -> None:
    """Layers, input and output together are all tensors."""
    path = pack / f"small-{quant}.gguf"
    facts, header = read_facts(path), read_header(path)
    total = sum(tensor.bytes for tensor in header.tensors)
    assert sum(facts.layer_bytes) + facts.input_bytes + facts.output_bytes == total
    embedding = next(t for t in header.tensors if t.name == "token_embd.weight")
    assert facts.input_bytes == embedding.bytes
    assert facts.parameters == sum(tensor.elements for tensor in header.tensors)


def test_kv_cache_of_qwq(pack: Path) -> None:
    """QwQ-32B's shape needs 256, 136 and 72 KiB a token."""
    facts = read_facts(pack / "small-Q8_0.gguf")
    qwq = replace(facts, layers=64, kv_heads=8, key_length=128, value_length=128)
    sizes = [qwq.kv_bytes_per_token(kind) // 1024 for kind in ("f16", "q8_0", "q4_0")]
    assert sizes == [256, 136, 72]


def test_kv_types_that_do_not_fit_are_refused(pack: Path) -> None:
    """A head that fills no block, or a type that is none: a sentence."""
    facts = replace(read_facts(pack / "small-Q8_0.gguf"), kv_heads=1, key_length=40)
    for kind in ("q8_0", "nonsense"):
        with pytest.raises(LocalqwqError, match="KV cache"):
            facts.kv_bytes_per_token(kind)


def test_another_writers_file_and_its_defaults(tmp_path: Path) -> None:
    """What a file leaves out has the documented defaults."""
    facts: ModelFacts = read_facts(written(tmp_path / "model.gguf", "llama"))
    assert (facts.name, facts.quant, facts.kv_heads, facts.key_length) == ("model", "F32", 4, 8)
    assert facts.tied_embeddings
    assert facts.output_bytes == 0
    assert facts.chat_template is None


def test_an_unknown_architecture_lists_the_known(tmp_path: Path) -> None:
    """The sentence says what can be run."""
    path = written(tmp_path / "model.gguf", "mamba")
    with pytest.raises(LocalqwqError, match=r"'mamba'.* runs qwen2, llama, qwen3"):
        read_facts(path)


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"block_count": 4_000_000_000}, "4000000000 layers"),
        ({"attention.head_count": 0}, "head_count"),
        ({"context_length": "long"}, "context_length"),
        ({"rope.scaling.factor": float("nan")}, "finite"),
        ({"general.sampling.temp": "hot"}, "temp"),
        ({"split.count": 3}, "first of 3 parts of a model"),
    ],
    ids=str,
)
def test_values_that_make_no_sense_are_named(
    tmp_path: Path, keys: dict[str, int | float | str], words: str
) -> None:
    """A readable header of an impossible model ends in a sentence too."""
    path = written(tmp_path / "model.gguf", "qwen2", **keys)
    with pytest.raises(LocalqwqError, match=words):
        read_facts(path)


def test_a_file_without_metadata_is_refused(tmp_path: Path) -> None:
    """A GGUF that holds nothing is no model."""
    path = tmp_path / "bare.gguf"
    path.write_bytes(b"GGUF" + struct.pack("<IQQ", 3, 0, 0) + bytes(32))
    with pytest.raises(LocalqwqError, match=r"general\.architecture should be text"):
        read_facts(path)


def test_row_bytes_of_part_of_a_block() -> None:
    """A row that fills no whole number of blocks has no size."""
    assert row_bytes("Q4_K", 512) == 288
    with pytest.raises(ValueError, match="256"):
        row_bytes("Q4_K", 300)


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("adapter", "is a LoRA adapter, not a model"),
        ("imatrix", "is an importance matrix, not a model"),
        ("mmproj", "is the image part of a model"),
        ("vocab", "is only a vocabulary, not a model"),
    ],
)
def test_files_that_go_with_models(tmp_path: Path, kind: str, words: str) -> None:
    """They are named as what they are, with the way out."""
    path = tmp_path / "file.gguf"
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_type(kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    with pytest.raises(LocalqwqError, match=words):
        read_facts(path)


def test_a_pointer_of_git_lfs(tmp_path: Path) -> None:
    """What a clone without ``git lfs`` leaves is no damaged model."""
    path = tmp_path / "file.gguf"
    path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 19851335840\n")
    with pytest.raises(LocalqwqError, match=r"is a Git LFS pointer, .* `git lfs pull`"):
        read_facts(path)
