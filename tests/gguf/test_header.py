"""The header reader, on real files and on what is left of them."""

import math
import os
import struct
from pathlib import Path

import gguf
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from localqwq.errors import LocalqwqError
from localqwq.gguf.facts import read_facts
from localqwq.gguf.header import MAX_ELEMENTS, read_header
from localqwq_convert.pipeline import convert
from tests.checkpoints import MERGES, make_checkpoint

SETTINGS = settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small real GGUF of some 100 kB."""
    root = tmp_path_factory.mktemp("header")
    checkpoint = make_checkpoint(
        root / "small", layers=1, hidden=64, feed_forward=64, heads=2, kv_heads=1
    )
    convert(checkpoint, root, ["Q8_0"])
    return root / "small-Q8_0.gguf"


def text(value: bytes) -> bytes:
    """A GGUF string."""
    return struct.pack("<Q", len(value)) + value


def gguf_file(path: Path, entries: list[bytes], tensors: list[bytes] | None = None) -> Path:
    """A GGUF of these records, with some bytes behind them."""
    records = tensors or []
    head = b"GGUF" + struct.pack("<IQQ", 3, len(records), len(entries))
    path.write_bytes(head + b"".join(entries) + b"".join(records) + bytes(256))
    return path


def test_agrees_with_the_gguf_package(model: Path) -> None:
    """Metadata and tensors are what the reference reader finds."""
    header = read_header(model, arrays=True)
    reference = gguf.GGUFReader(model)
    assert [
        (tensor.name, list(tensor.shape), tensor.type, tensor.offset, tensor.bytes)
        for tensor in header.tensors
    ] == [
        (t.name, t.shape.tolist(), t.tensor_type.name, t.data_offset, t.n_bytes)
        for t in reference.tensors
    ]
    keys = [key for key in reference.fields if not key.startswith("GGUF.")]
    assert list(header.metadata) == keys
    for key in keys:
        assert header.metadata[key] == reference.fields[key].contents(), key


def test_long_arrays_are_skipped_unless_asked_for(tmp_path: Path) -> None:
    """A vocabulary is counted, and read only on demand."""
    words = [f"word{index}".encode() for index in range(150_000)]
    array = struct.pack("<IIQ", 9, 8, len(words)) + b"".join(map(text, words))
    numbers = struct.pack("<IIQ", 9, 5, 2000) + struct.pack("<2000i", *range(2000))
    entries = [text(b"tokens") + array, text(b"types") + numbers]
    path = gguf_file(tmp_path / "long.gguf", entries)
    header = read_header(path)
    assert header.metadata == {}
    assert header.lengths == {"tokens": 150_000, "types": 2000}
    whole = read_header(path, arrays=True)
    assert whole.metadata["tokens"][-1] == "word149999"
    assert whole.metadata["types"] == list(range(2000))


def test_a_file_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Until it changes, even in place, to one of the same size and with its old time."""
    monkeypatch.setattr("localqwq.gguf.header._SETTLED_S", -math.inf)
    path = gguf_file(tmp_path / "one.gguf", [text(b"name") + struct.pack("<IB", 0, 1)])
    before = path.stat()
    assert read_header(path) is read_header(path)
    while path.stat().st_ctime_ns == before.st_ctime_ns:  # the clock's tick
        gguf_file(path, [text(b"name") + struct.pack("<IB", 0, 2)])
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    after = path.stat()
    assert (after.st_size, after.st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    assert read_header(path).metadata == {"name": 2}
    path.unlink()
    with pytest.raises(LocalqwqError, match="does not exist"):
        read_header(path)


def test_a_file_that_may_still_change_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two writes within one tick of the clock leave the same times."""
    monkeypatch.setattr("localqwq.gguf.header._SETTLED_S", math.inf)
    path = gguf_file(tmp_path / "one.gguf", [text(b"name") + struct.pack("<IB", 0, 1)])
    assert read_header(path) is not read_header(path)


def test_short_arrays_are_always_read(model: Path) -> None:
    """The few merges of a small tokenizer are there without asking."""
    merges = read_header(model).metadata["tokenizer.ggml.merges"]
    assert merges == [" ".join(pair) for pair in MERGES]


@pytest.mark.parametrize("version", [1, 4, 0x03000000])
def test_other_versions_are_refused(tmp_path: Path, version: int) -> None:
    """Old, future and big-endian files are named as such."""
    path = tmp_path / "version.gguf"
    path.write_bytes(b"GGUF" + struct.pack("<IQQ", version, 0, 0))
    with pytest.raises(LocalqwqError, match=r"version\.gguf is a .*GGUF.*v2 and v3"):
        read_header(path)


def test_what_is_no_gguf_is_named(tmp_path: Path) -> None:
    """Missing, directory, empty, and other formats: a sentence each."""
    empty = tmp_path / "empty.gguf"
    empty.touch()
    other = tmp_path / "other.gguf"
    other.write_bytes(b"PK\x03\x04 something else")
    for path, words in (
        (tmp_path / "missing.gguf", "does not exist"),
        (tmp_path, "is a directory"),
        (empty, "is empty"),
        (other, "is not a GGUF file"),
        (Path("/dev/null"), "is not a regular file"),
    ):
        with pytest.raises(LocalqwqError, match=words):
            read_header(path)


def test_a_truncated_file_tells_both_sizes(model: Path, tmp_path: Path) -> None:
    """The sentence has the bytes that are there and those that should be."""
    whole = model.read_bytes()
    needed = max(tensor.offset + tensor.bytes for tensor in read_header(model).tensors)
    short = tmp_path / "short.gguf"
    short.write_bytes(whole[: needed - 1])
    with pytest.raises(LocalqwqError, match=f"should have {needed:,} bytes but has {needed - 1:,}"):
        read_header(short)
    short.write_bytes(whole[:100])
    with pytest.raises(LocalqwqError, match=r"should have at least [\d,]+ bytes but has 100"):
        read_header(short)


def test_hostile_numbers_cost_nothing(tmp_path: Path) -> None:
    """Counts and lengths far beyond the file end in a sentence, not in memory or minutes."""
    huge = 1 << 60
    records = {
        "text": [text(b"key") + struct.pack("<IQ", 8, huge)],
        "key": [struct.pack("<Q", huge)],
        "strings": [text(b"key") + struct.pack("<IIQ", 9, 8, huge)],
        "many": [text(b"key") + struct.pack("<IIQ", 9, 8, MAX_ELEMENTS)],
        "numbers": [text(b"key") + struct.pack("<IIQ", 9, 4, MAX_ELEMENTS)],
        "nested": [text(b"key") + struct.pack("<IIQ", 9, 9, 1)],
        "type": [text(b"key") + struct.pack("<I", 99)],
        "alignment": [text(b"general.alignment") + struct.pack("<II", 4, 3)],
        "twice": [text(b"key") + struct.pack("<II", 4, 3)] * 2,
    }
    for name, entries in records.items():
        with pytest.raises(LocalqwqError):
            read_header(gguf_file(tmp_path / f"{name}.gguf", entries))
    for counts in ((huge, 0), (0, huge), (1 << 20, 1 << 16)):
        path = tmp_path / "counts.gguf"
        path.write_bytes(b"GGUF" + struct.pack("<IQQ", 3, *counts))
        with pytest.raises(LocalqwqError):
            read_header(path)


@pytest.mark.parametrize(
    "record",
    [
        struct.pack("<IQIQ", 1, 0, 0, 0),
        struct.pack("<IQIQ", 1, 1 << 63, 0, 0),
        struct.pack("<IQQIQ", 2, 1 << 40, 1 << 40, 0, 0),
        struct.pack("<IQIQ", 5, 1, 0, 0),
        struct.pack("<IQIQ", 1, 4, 9999, 0),
        struct.pack("<IQIQ", 1, 4, 4, 0),
        struct.pack("<IQIQ", 1, 33, 8, 0),
        struct.pack("<IQIQ", 1, 4, 0, 32),
        struct.pack("<IQIQ", 1, 1 << 30, 0, 0),
    ],
    ids=[
        "empty", "huge", "overflow", "rank", "unknown type", "removed type", "part of a block",
        "gap", "beyond the end",
    ],
)  # fmt: skip
def test_impossible_tensors_are_refused(tmp_path: Path, record: bytes) -> None:
    """A tensor that cannot be is named, whatever is wrong with it."""
    path = gguf_file(tmp_path / "tensor.gguf", [], [text(b"blk.0.odd") + record])
    with pytest.raises(LocalqwqError, match=r"blk\.0\.odd|truncated"):
        read_header(path)


def test_names_from_the_file_are_escaped(tmp_path: Path) -> None:
    """What a terminal would obey does not reach it through a message."""
    entry = text(b"\x1b[2Jkey") + struct.pack("<I", 99)
    with pytest.raises(LocalqwqError) as caught:
        read_header(gguf_file(tmp_path / "escape.gguf", [entry]))
    assert "\x1b" not in str(caught.value)


@SETTINGS
@given(data=st.data())
def test_damage_never_gives_anything_but_a_sentence(
    model: Path, tmp_path: Path, data: st.DataObject
) -> None:
    """Flipped bytes and lost ends: the model is read, or one error says why not."""
    content = bytearray(model.read_bytes())
    header_end = read_header(model).data_offset
    for _ in range(data.draw(st.integers(1, 6), label="flips")):
        position = data.draw(st.integers(0, header_end - 1), label="position")
        content[position] = data.draw(st.integers(0, 255), label="byte")
    keep = data.draw(st.one_of(st.just(len(content)), st.integers(0, len(content))), label="keep")
    damaged = tmp_path / "damaged.gguf"
    damaged.write_bytes(content[:keep])
    for arrays in (False, True):
        try:
            read_header(damaged, arrays=arrays)
        except LocalqwqError as error:
            assert str(error).endswith(".")
    try:
        facts = read_facts(damaged)
    except LocalqwqError as error:
        assert str(error).endswith(".")
    else:
        assert facts.layers == len(facts.layer_bytes)
