"""Small GGUF files, made on the spot."""

from collections.abc import Callable
from pathlib import Path

import gguf
import numpy as np
import pytest

MakeGguf = Callable[..., Path]


@pytest.fixture
def make_gguf(tmp_path: Path) -> MakeGguf:
    """A function that writes a valid one-layer Qwen2 in F32; ``seed`` changes its content."""

    def make(name: str = "tiny-F32.gguf", *, seed: int = 0, embedding: int = 32) -> Path:
        path = tmp_path / "made" / name
        path.parent.mkdir(exist_ok=True)
        random = np.random.default_rng(seed)
        writer = gguf.GGUFWriter(path, "qwen2")
        writer.add_block_count(1)
        writer.add_context_length(2048)
        writer.add_embedding_length(embedding)
        writer.add_feed_forward_length(64)
        writer.add_head_count(2)
        writer.add_head_count_kv(1)
        writer.add_file_type(gguf.LlamaFileType.ALL_F32)
        for tensor, rows in (("token_embd", 16), ("output_norm", 1), ("blk.0.attn_q", embedding)):
            values = random.standard_normal((rows, embedding), dtype=np.float32)
            writer.add_tensor(f"{tensor}.weight", values)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        return path

    return make
