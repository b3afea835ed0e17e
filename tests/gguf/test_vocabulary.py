"""Vocabularies that would end llama.cpp's process are found before it sees them."""

import os
import subprocess
import sys
from pathlib import Path

import gguf
import numpy as np
import pytest

from localqwq.engine.engine import Engine
from localqwq.engine.load_options import LoadOptions
from localqwq.errors import LocalqwqError
from localqwq.gguf.header import read_header
from localqwq.gguf.vocabulary import expect_usable_vocabulary
from localqwq.packs.store.store import Store

BYTES = [f"<0x{byte:02X}>" for byte in range(256)]
SPM = ["<unk>", "<s>", "</s>", *BYTES, "▁", "h", "e"]
SPM_TYPES = [2, 3, 3, *[6] * 256, 1, 1, 1]
LOADED_BY_LLAMA_CPP = """
import sys, llama_cpp as c
c.llama_backend_init()
vocabulary = c.llama_model_get_vocab(
    c.llama_model_load_from_file(sys.argv[1].encode(), c.llama_model_default_params()))
text = "\\u00e9".encode()
c.llama_tokenize(vocabulary, text, len(text), (c.llama_token * 64)(), 64, True, True)
"""


QUIET = {**os.environ, "GGML_NO_BACKTRACE": "1"}


def written(path: Path, kind: str, tokens: list[str], types: list[int]) -> Path:
    """A model of one small layer with this vocabulary, which llama.cpp can load."""
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_block_count(1)
    writer.add_context_length(64)
    writer.add_embedding_length(32)
    writer.add_feed_forward_length(64)
    writer.add_head_count(2)
    writer.add_head_count_kv(2)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(16)
    writer.add_tokenizer_model(kind)
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    if kind == "llama":
        writer.add_token_scores([0.0] * len(tokens))
    else:
        writer.add_tokenizer_pre("qwen2")
        writer.add_token_merges(["a b"])
    shapes = {
        "token_embd": (len(tokens), 32), "output_norm": (32,), "output": (len(tokens), 32),
        "blk.0.attn_norm": (32,), "blk.0.attn_q": (32, 32), "blk.0.attn_k": (32, 32),
        "blk.0.attn_v": (32, 32), "blk.0.attn_output": (32, 32), "blk.0.ffn_norm": (32,),
        "blk.0.ffn_gate": (64, 32), "blk.0.ffn_up": (64, 32), "blk.0.ffn_down": (32, 64),
    }  # fmt: skip
    for name, shape in shapes.items():
        writer.add_tensor(f"{name}.weight", np.zeros(shape, dtype=np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


@pytest.mark.parametrize(
    ("kind", "tokens", "types", "words"),
    [
        ("gpt2", ["a", "b", "ab", "a"], [1] * 4, "the token 'a' appears twice"),
        ("llama", [*SPM, "h"], [*SPM_TYPES, 1], "the token 'h' appears twice"),
        ("llama", SPM[:3] + SPM[259:], SPM_TYPES[:3] + SPM_TYPES[259:],
         "it has no token for the byte 0x00"),
    ],
)  # fmt: skip
def test_what_would_end_the_process(
    tmp_path: Path, kind: str, tokens: list[str], types: list[int], words: str
) -> None:
    """It is a sentence when a file is added and when it is loaded; llama.cpp itself aborts."""
    path = written(tmp_path / "bad-F32.gguf", kind, tokens, types)
    command = [sys.executable, "-c", LOADED_BY_LLAMA_CPP, str(path)]
    assert subprocess.run(command, capture_output=True, check=False, env=QUIET).returncode < 0
    with pytest.raises(LocalqwqError, match=words):
        Store(tmp_path / "packs").add(path)
    with pytest.raises(LocalqwqError, match=words):
        Engine.load(path, LoadOptions(context=256))


@pytest.mark.parametrize(
    ("kind", "tokens", "types"),
    [
        ("gpt2", ["a", "b", "", ""], [1] * 4),
        ("llama", SPM, SPM_TYPES),
        ("llama", ["<unk>", *BYTES[:65], *map(chr, range(65, 128)), *BYTES[128:]],
         [2, *[6] * 65, *[1] * 63, *[6] * 128]),
    ],
)  # fmt: skip
def test_what_llama_cpp_can_work_with(
    tmp_path: Path, kind: str, tokens: list[str], types: list[int]
) -> None:
    """Empty tokens, and letters instead of bytes; it says the same."""
    path = written(tmp_path / "good-F32.gguf", kind, tokens, types)
    expect_usable_vocabulary(path, read_header(path))
    command = [sys.executable, "-c", LOADED_BY_LLAMA_CPP, str(path)]
    assert subprocess.run(command, capture_output=True, check=False, env=QUIET).returncode == 0


def test_tokens_that_are_no_texts(tmp_path: Path) -> None:
    """Such an array is refused, too."""
    path = tmp_path / "numbers.gguf"
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_array("tokenizer.ggml.tokens", [1, 2, 3])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    with pytest.raises(LocalqwqError, match="its tokens are not text"):
        expect_usable_vocabulary(path, read_header(path))
