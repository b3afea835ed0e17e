"""Small GGUF files, made on the spot, cut into parts, and published on a hub."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import gguf
import numpy as np
import pytest

from tests.hub_server import Hub, serving

MakeGguf = Callable[..., Path]
SplitGguf = Callable[..., list[Path]]


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


@pytest.fixture
def split_gguf(tmp_path: Path) -> SplitGguf:
    """A function that writes the same model in as many parts as it has tensors: three."""

    def split(stem: str = "tiny-F32", *, seed: int = 0, folder: str = "split") -> list[Path]:
        directory = tmp_path / folder
        directory.mkdir(exist_ok=True)
        random = np.random.default_rng(seed)
        tensors = {
            f"{name}.weight": random.standard_normal((rows, 32), dtype=np.float32)
            for name, rows in (("token_embd", 16), ("output_norm", 1), ("blk.0.attn_q", 32))
        }
        paths = []
        for number, (name, values) in enumerate(tensors.items()):
            path = directory / f"{stem}-{number + 1:05}-of-{len(tensors):05}.gguf"
            writer = gguf.GGUFWriter(path, "qwen2" if number == 0 else "")
            if number == 0:
                writer.add_block_count(1)
                writer.add_context_length(2048)
                writer.add_embedding_length(32)
                writer.add_feed_forward_length(64)
                writer.add_head_count(2)
                writer.add_head_count_kv(1)
                writer.add_file_type(gguf.LlamaFileType.ALL_F32)
            writer.add_uint16("split.no", number)
            writer.add_uint16("split.count", len(tensors))
            writer.add_int32("split.tensors.count", len(tensors))
            writer.add_tensor(name, values)
            writer.write_header_to_file()
            writer.write_kv_data_to_file()
            writer.write_tensors_to_file()
            writer.close()
            paths.append(path)
        return paths

    return split


TOKEN = "hf_this_is_a_secret"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """An empty hub that is Hugging Face and ModelScope; somebody is logged in."""
    with serving() as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        monkeypatch.setenv("MODELSCOPE_URL_SCHEME", "http://")
        monkeypatch.setenv("MODELSCOPE_DOMAIN", hub.url.removeprefix("http://"))
        yield hub


@pytest.fixture
def tiny(hub: Hub, demo_pack: Path, tmp_path: Path) -> Path:
    """``someone/Tiny-GGUF`` on the hub's side: the demo's two quantizations without a manifest."""
    folder = tmp_path / "published"
    folder.mkdir()
    for quant in ("Q8_0", "Q4_K_M"):
        shutil.copy(demo_pack / f"demo-{quant}.gguf", folder / f"tiny-{quant.lower()}.gguf")
    (folder / "README.md").write_text("# Tiny\n")
    hub.publish("someone/Tiny-GGUF", folder)
    return folder
