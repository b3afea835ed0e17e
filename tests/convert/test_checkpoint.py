"""Directories that are checkpoints, and those that are not."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from localqwq.errors import LocalqwqError
from localqwq_convert.checkpoint import open_checkpoint
from localqwq_convert.shards import INDEX
from tests.checkpoints import make_checkpoint, write_json, write_safetensors


def test_shards_hold_what_a_single_file_holds(tmp_path: Path) -> None:
    """The same seed in one file and in three gives the same tensors."""
    single = open_checkpoint(make_checkpoint(tmp_path / "single"))
    sharded = open_checkpoint(make_checkpoint(tmp_path / "sharded", shards=3))
    assert single.tensors.keys() == sharded.tensors.keys()
    with single, sharded:
        single.map_shards()
        sharded.map_shards()
        for name, tensor in single.tensors.items():
            rows = (len(tensor.shape) > 1 and tensor.shape[0]) or 1
            other = sharded.rows(sharded.tensors[name], 0, rows)
            assert np.array_equal(single.rows(tensor, 0, rows), other)


def test_rows_survive_their_release(tmp_path: Path) -> None:
    """Pages that were dropped come back from the file."""
    with open_checkpoint(make_checkpoint(tmp_path / "small", dtype="F32")) as checkpoint:
        checkpoint.map_shards()
        tensor = checkpoint.tensors["model.embed_tokens.weight"]
        before = checkpoint.rows(tensor, 10, 20).copy()
        checkpoint.release(tensor, 0, tensor.shape[0])
        assert np.array_equal(before, checkpoint.rows(tensor, 10, 20))


def test_what_is_no_checkpoint_is_named(tmp_path: Path) -> None:
    """Missing, a file, an empty directory: each says what to name instead."""
    file = tmp_path / "model.gguf"
    file.touch()
    for path, words in (
        (tmp_path / "missing", "does not exist"),
        (file, "is a file: name the directory"),
        (tmp_path, r"not a checkpoint: it has no config\.json"),
    ):
        with pytest.raises(LocalqwqError, match=words):
            open_checkpoint(path)


def test_pickles_are_refused_with_the_reason(tmp_path: Path) -> None:
    """Weights that could run a program are not read."""
    checkpoint = make_checkpoint(tmp_path / "old")
    (checkpoint / "model.safetensors").rename(checkpoint / "pytorch_model.bin")
    with pytest.raises(LocalqwqError, match=r"pickles \(pytorch_model\.bin\), which can run any"):
        open_checkpoint(checkpoint)


def test_missing_weights(tmp_path: Path) -> None:
    """A configuration alone is not a checkpoint."""
    checkpoint = make_checkpoint(tmp_path / "empty")
    (checkpoint / "model.safetensors").unlink()
    with pytest.raises(LocalqwqError, match="has no weights"):
        open_checkpoint(checkpoint)


def test_an_index_that_does_not_fit_its_shards(tmp_path: Path) -> None:
    """A lost shard, a tensor elsewhere, a path out of the directory, no map at all."""
    checkpoint = make_checkpoint(tmp_path / "sharded", shards=2)
    index = checkpoint / INDEX
    placement = json.loads(index.read_text())["weight_map"]
    name, shard = next(iter(placement.items()))
    other = next(file for file in placement.values() if file != shard)
    for weight_map, words in (
        (placement | {name: other}, "and it does not"),
        (placement | {"model.extra": shard}, r"model\.extra.*and it does not"),
        (placement | {name: "lost.safetensors"}, r"lacks the shard lost\.safetensors"),
        (placement | {name: "../outside.safetensors"}, "not a plain file name"),
        (placement | {name: ["list"]}, "not a plain file name"),
        ({}, "no weight_map"),
    ):
        write_json(index, {"weight_map": weight_map})
        with pytest.raises(LocalqwqError, match=words):
            open_checkpoint(checkpoint)


def test_quantized_checkpoints_are_refused(tmp_path: Path) -> None:
    """What was rounded once is not rounded again."""
    extra = {"quantization_config": {"quant_method": "gptq"}}
    with pytest.raises(LocalqwqError, match=r"quantized already \(method 'gptq'\)"):
        open_checkpoint(make_checkpoint(tmp_path / "gptq", config=extra))


def test_a_configuration_that_is_no_json(tmp_path: Path) -> None:
    """The damaged file is named."""
    checkpoint = make_checkpoint(tmp_path / "small")
    (checkpoint / "config.json").write_text("{")
    with pytest.raises(LocalqwqError, match=r"config\.json is not valid JSON"):
        open_checkpoint(checkpoint)


def test_shards_may_be_links(tmp_path: Path) -> None:
    """The hub's cache keeps contents under their hashes and links to them."""
    checkpoint = make_checkpoint(tmp_path / "linked", shards=2)
    blobs = tmp_path / "blobs"
    blobs.mkdir()
    for number, path in enumerate(sorted(checkpoint.iterdir())):
        blob = path.rename(blobs / f"{number:040}")
        path.symlink_to(Path("..") / "blobs" / blob.name)
    with open_checkpoint(checkpoint) as opened:
        opened.map_shards()
        tensor = opened.tensors["model.norm.weight"]
        assert opened.rows(tensor, 0, 1).shape == (1, 256)
    next(blobs.iterdir()).unlink()
    with pytest.raises(LocalqwqError):
        open_checkpoint(checkpoint)


def test_no_tensor_of_a_shard_is_dropped(tmp_path: Path) -> None:
    """What the index forgets is left to the model to decide on; what is there twice is refused."""
    checkpoint = make_checkpoint(tmp_path / "sharded", shards=2)
    index = checkpoint / INDEX
    placement = json.loads(index.read_text())["weight_map"]
    name = next(iter(placement))
    forgotten = {key: shard for key, shard in placement.items() if key != name}
    write_json(index, {"weight_map": forgotten})
    assert open_checkpoint(checkpoint).tensors.keys() == placement.keys()
    both = {name: ("BF16", np.zeros(4, dtype=np.uint16))}
    more = {"model.extra": "again.safetensors"}
    write_safetensors(checkpoint / "again.safetensors", {**both, "model.extra": both[name]})
    for weight_map in (placement | more, forgotten | more):
        write_json(index, {"weight_map": weight_map})
        with pytest.raises(LocalqwqError, match=f"the tensor '{name}' in two shards"):
            open_checkpoint(checkpoint)


def test_a_type_that_cannot_be_converted(tmp_path: Path) -> None:
    """Eight-bit floats are a quantization, whose scales would be lost; others are just named."""
    for dtype, words in (("F8_E4M3", "is quantized already"), ("I8", "as I8, and only BF16")):
        checkpoint = make_checkpoint(tmp_path / dtype)
        stored: dict[str, tuple[str, Any]] = {"a": (dtype, np.zeros(4, dtype=np.uint8))}
        write_safetensors(checkpoint / "model.safetensors", stored)
        with pytest.raises(LocalqwqError, match=words):
            open_checkpoint(checkpoint)


def test_an_absurdly_large_configuration(tmp_path: Path) -> None:
    """It is not read to its end."""
    checkpoint = make_checkpoint(tmp_path / "small")
    with (checkpoint / "config.json").open("r+b") as file:
        file.truncate(1 << 40)
    with pytest.raises(LocalqwqError, match="larger than such a file"):
        open_checkpoint(checkpoint)
