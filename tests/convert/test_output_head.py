"""The output matrix: written where the weights say that the model has one of its own."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from localqwq.errors import LocalqwqError
from localqwq.gguf.header import read_header
from localqwq_convert.checkpoint import as_f32
from localqwq_convert.pipeline import convert
from tests.checkpoints import (
    make_checkpoint,
    random_tensors,
    tensor_shapes,
    write_json,
    write_safetensors,
)

EMBEDDING, HEAD = "model.embed_tokens.weight", "lm_head.weight"


def with_head(directory: Path, head: tuple[str, NDArray[Any]]) -> Path:
    """A checkpoint whose configuration says tied, and which stores a head all the same."""
    checkpoint = make_checkpoint(directory / "small", tied=True, layers=1)
    config = json.loads((checkpoint / "config.json").read_text())
    tensors = random_tensors(tensor_shapes(config), "BF16", 0)
    write_safetensors(checkpoint / "model.safetensors", {**tensors, HEAD: head})
    return checkpoint


def embedding() -> NDArray[Any]:
    """The bits of such a checkpoint's embedding, which is drawn first."""
    bits: NDArray[Any] = random_tensors({EMBEDDING: (288, 256)}, "BF16", 0)[EMBEDDING][1]
    return bits


def converted(checkpoint: Path) -> tuple[dict[str, bytes], list[str]]:
    """Data of the tensors of its F32 file, and what was noted."""
    notes: list[str] = []
    report = convert(checkpoint, checkpoint.parent / "pack", ["F32"], note=notes.append)
    path = report.outputs[0].path
    data = path.read_bytes()
    tensors = read_header(path).tensors
    return {t.name: data[t.offset : t.offset + t.bytes] for t in tensors}, notes


@pytest.mark.parametrize("dtype", ["BF16", "F32"])
def test_a_head_that_is_the_embedding_is_dropped(tmp_path: Path, dtype: str) -> None:
    """Merges store such copies, in whatever type: nothing is written twice, and nothing said."""
    head = embedding() if dtype == "BF16" else as_f32(embedding(), "BF16")
    tensors, notes = converted(with_head(tmp_path, (dtype, head)))
    assert "output.weight" not in tensors
    assert notes == []


@pytest.mark.parametrize("place", [0, 288 * 256 - 1])
def test_a_head_that_differs_is_kept(tmp_path: Path, place: int) -> None:
    """In one number anywhere; a fine-tune that trained both leaves the old setting."""
    head = embedding()
    head.reshape(-1)[place] ^= 1
    tensors, notes = converted(with_head(tmp_path, ("BF16", head)))
    assert tensors["output.weight"] == as_f32(head, "BF16").tobytes()
    assert tensors["output.weight"] != tensors["token_embd.weight"]
    [note] = notes
    assert "lm_head.weight differs from model.embed_tokens.weight" in note


def test_weights_that_are_not_there_yet(tmp_path: Path) -> None:
    """A dry run of a model on the hub has the headers alone, and says what it cannot know."""
    checkpoint = with_head(tmp_path, ("BF16", embedding()))
    path = checkpoint / "model.safetensors"
    data = path.read_bytes()
    header = 8 + int.from_bytes(data[:8], "little")
    with path.open("wb") as file:
        file.write(data[:header])
        file.truncate(len(data))
    if path.stat().st_blocks * 512 > len(data) // 2:
        pytest.skip("this file system has no holes")
    notes: list[str] = []
    convert(checkpoint, tmp_path / "pack", ["F32"], dry_run=True, note=notes.append)
    [note] = notes
    assert "can be checked only once the weights are here" in note


def test_where_the_configuration_is_silent(tmp_path: Path) -> None:
    """Without a head and without the setting the embedding is the head, as in llama.cpp."""
    checkpoint = make_checkpoint(tmp_path / "small", tied=True, layers=1)
    config = json.loads((checkpoint / "config.json").read_text())
    del config["tie_word_embeddings"]
    write_json(checkpoint / "config.json", config)
    tensors, notes = converted(checkpoint)
    assert "output.weight" not in tensors
    [note] = notes
    assert "the token embedding is used as output matrix" in note


def test_a_head_of_the_wrong_size(tmp_path: Path) -> None:
    """It is no copy, and is refused by its shape like any other tensor."""
    checkpoint = with_head(tmp_path, ("BF16", np.zeros((287, 256), dtype=np.uint16)))
    with pytest.raises(LocalqwqError, match=r"lm_head\.weight in the shape \[287, 256\]"):
        converted(checkpoint)
