"""Damaged safetensors files, whatever the damage, end in one sentence."""

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from localqwq.errors import LocalqwqError
from localqwq_convert.safetensors import read_tensors
from tests.checkpoints import write_safetensors


@pytest.fixture
def shard(tmp_path: Path) -> Path:
    """A file of two tensors."""
    path = tmp_path / "model.safetensors"
    tensors: dict[str, tuple[str, Any]] = {
        "a": ("F32", np.arange(6, dtype=np.float32).reshape(2, 3)),
        "b": ("BF16", np.arange(4, dtype=np.uint16)),
    }
    write_safetensors(path, tensors)
    return path


def with_header(path: Path, header: Any, data: bytes = bytes(32)) -> Path:
    """A file with this header, whatever it says."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)
    return path


def entry(dtype: str, shape: list[Any], begin: int, end: int) -> dict[str, Any]:
    """One tensor's entry."""
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def test_reads_what_was_written(shard: Path) -> None:
    """Names, types, shapes and places."""
    tensors = read_tensors(shard)
    assert {(t.name, t.dtype, t.shape, t.bytes) for t in tensors.values()} == {
        ("a", "F32", (2, 3), 24),
        ("b", "BF16", (4,), 8),
    }
    start = tensors["b"].offset
    assert shard.read_bytes()[start : start + 8] == np.arange(4, dtype=np.uint16).tobytes()


def test_a_truncated_file_tells_both_sizes(shard: Path) -> None:
    """Lost data, and a lost header."""
    whole = shard.read_bytes()
    shard.write_bytes(whole[:-1])
    with pytest.raises(
        LocalqwqError,
        match=f"truncated: it should have {len(whole):,} bytes and has {len(whole) - 1:,}",
    ):
        read_tensors(shard)
    shard.write_bytes(whole[:20])
    with pytest.raises(LocalqwqError, match="header alone needs"):
        read_tensors(shard)
    shard.write_bytes(whole[:5])
    with pytest.raises(LocalqwqError, match="has 5 bytes"):
        read_tensors(shard)


@pytest.mark.parametrize(
    ("header", "words"),
    [
        (b"{", "not valid JSON"),
        (b"\xff\xfe", "not valid JSON"),
        (b"[" * 100_000, "not valid JSON"),
        (b"[]", "JSON object"),
        (b'{"a": 1, "a": 2}', "not valid JSON"),
        ({"a": 1}, "has an invalid description"),
        ({"a": entry("F31", [8], 0, 32)}, "unknown type"),
        ({"a": entry("F32", [-8], 0, 32)}, "impossible shape"),
        ({"a": entry("F32", [True], 0, 32)}, "impossible shape"),
        ({"a": entry("F32", [7], 0, 32)}, "should have 28 bytes and has 32"),
        ({"a": entry("F32", [8], 32, 0)}, "impossible place"),
        ({"a": entry("F32", [8], -32, 0)}, "impossible place"),
        ({"a": entry("U8", [1], False, True)}, "impossible place"),
        (b'{"a": {"dtype": "F32", "shape": [8], "data_offsets": [0, 32.0]}}', "impossible place"),
        (b'{"a": {"dtype": "F32", "shape": [1e400], "data_offsets": [0, 4]}}', "impossible shape"),
        ({"a": entry("F32", [8], 0, 10**4000)}, "impossible place"),
        ({"a": entry("F32", [10**4000] * 100, 0, 32)}, "impossible shape"),
        ({"a": entry("F32", [1] * 9, 0, 4)}, "impossible shape"),
        (b'{"a": ' + b"9" * 5000 + b"}", "not valid JSON"),
        (b'{"a": {"dtype": "F32", "shape": [8]}}', "has an invalid description"),
        (
            {"a": {**entry("F32", [8], 0, 32), "data_offsets": [0, 16, 32]}},
            "has an invalid description",
        ),
        ({"a": entry("F32", [4], 16, 32)}, "does not start where the one before it ends"),
        ({"a": entry("F32", [8], 0, 32), "b": entry("F32", [4], 16, 32)}, "does not start where"),
        ({"a": entry("F32", [4], 0, 16)}, "should have .* bytes and has"),
        ({"a": entry("F32", [1 << 40], 0, 1 << 42)}, "truncated"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_impossible_headers(tmp_path: Path, header: Any, words: str) -> None:
    """Each rule of the format has its sentence."""
    path = with_header(tmp_path / "model.safetensors", header)
    with pytest.raises(LocalqwqError, match=words):
        read_tensors(path)


def test_a_claimed_header_beyond_the_bound_is_not_read(tmp_path: Path) -> None:
    """The format's own bound keeps a sparse file from filling the memory."""
    path = tmp_path / "model.safetensors"
    with path.open("wb") as file:
        file.write(struct.pack("<Q", 1 << 33))
        file.truncate(1 << 34)
    with pytest.raises(LocalqwqError, match="at most 16,777,216 are read"):
        read_tensors(path)


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_damage_never_gives_anything_but_a_sentence(shard: Path, data: st.DataObject) -> None:
    """Flipped bytes and lost ends: tensors inside the file, or one error."""
    content = bytearray(shard.read_bytes())
    for _ in range(data.draw(st.integers(1, 5), label="flips")):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    keep = data.draw(st.one_of(st.just(len(content)), st.integers(0, len(content))), label="keep")
    damaged = shard.with_name("damaged.safetensors")
    damaged.write_bytes(content[:keep])
    try:
        tensors = read_tensors(damaged)
    except LocalqwqError as error:
        assert str(error).endswith(".")
    else:
        assert all(t.offset + t.bytes <= keep for t in tensors.values())
