"""Importance matrices, as llama-imatrix writes them and as nobody should."""

import struct
from collections.abc import Mapping
from pathlib import Path

import gguf
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from localqwq.errors import LocalqwqError
from localqwq_convert.imatrix import MAX_TEXT, Imatrix, imatrix_metadata, read_imatrix
from tests.convert.imatrices import legacy_bytes, write_imatrix

MEANS = {
    "blk.0.attn_q.weight": np.array([0.5, 3.0, 0.0, 1e-30], dtype=np.float32),
    "blk.0.ffn_down.weight": np.linspace(0, 9, 8, dtype=np.float32),
}
settled = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def assert_means(imatrix: Imatrix, means: Mapping[str, NDArray[np.float32]]) -> None:
    """The matrix holds exactly these."""
    assert sorted(imatrix.values) == sorted(means)
    for name, values in means.items():
        assert imatrix.values[name].dtype == np.float32
        assert imatrix.values[name].tolist() == values.tolist()


def write_gguf(
    path: Path,
    tensors: Mapping[str, NDArray[np.generic]],
    keys: Mapping[str, object] | None = None,
) -> Path:
    """Write a GGUF file with the keys of a matrix, changed by ``keys`` (None leaves one out)."""
    writer = gguf.GGUFWriter(path, "imatrix")
    values = {
        "imatrix.datasets": ["a"], "imatrix.chunk_count": 1, "imatrix.chunk_size": 512,
        **(keys or {}),
    }  # fmt: skip
    for key, value in values.items():
        match value:
            case list():
                writer.add_array(key, value)
            case int():
                writer.add_uint32(key, value)
            case str():
                writer.add_string(key, value)
    for name, array in tensors.items():
        writer.add_tensor(name, array)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def test_gguf_files(tmp_path: Path) -> None:
    """Means are sums over counts, and what the file says of its making is kept."""
    write_imatrix(tmp_path / "m.gguf", MEANS, datasets=("wiki.txt", "code.txt"), chunks=7)
    imatrix = read_imatrix(tmp_path / "m.gguf")
    assert_means(imatrix, MEANS)
    assert (imatrix.datasets, imatrix.chunks) == (("wiki.txt", "code.txt"), 7)


@pytest.mark.parametrize("calls", [0, 1, 4])
def test_legacy_files(tmp_path: Path, calls: int) -> None:
    """Sums are means times the number of calls; no calls mean that they are means."""
    path = tmp_path / "m.dat"
    path.write_bytes(legacy_bytes(MEANS, calls=calls or 1, dataset="wiki.txt"))
    if not calls:
        name = next(iter(MEANS))
        head = 4 + 4 + len(name)
        data = path.read_bytes()
        path.write_bytes(data[:head] + struct.pack("<i", 0) + data[head + 4 :])
    imatrix = read_imatrix(path)
    assert_means(imatrix, MEANS)
    assert (imatrix.datasets, imatrix.chunks) == (("wiki.txt",), 7)


def test_the_oldest_files_end_after_their_entries(tmp_path: Path) -> None:
    """Neither chunks nor data set are known then."""
    path = tmp_path / "m.dat"
    path.write_bytes(legacy_bytes(MEANS)[:-8])
    imatrix = read_imatrix(path)
    assert_means(imatrix, MEANS)
    assert (imatrix.datasets, imatrix.chunks) == ((), 0)


def test_counts_are_of_shares(tmp_path: Path) -> None:
    """Each count belongs to as many sums; counts are whole; nothing counted means all alike."""
    tensors = {
        "a.in_sum2": np.array([[3, 7], [5, 6], [1, 1]], dtype=np.float32),
        "a.counts": np.array([[3.4], [0], [-2]], dtype=np.float32),
    }
    imatrix = read_imatrix(write_gguf(tmp_path / "m.gguf", tensors))
    thirds = (np.array([3, 7], dtype=np.float32) / np.float32(3)).tolist()
    assert imatrix.values["a"].tolist() == [*thirds, 1, 1, 1, 1]


def test_importances_belong_to_columns(tmp_path: Path) -> None:
    """Another model's matrix is refused, but for the embedding, which needs none."""
    write_imatrix(tmp_path / "m.gguf", {**MEANS, "token_embd.weight": MEANS["blk.0.attn_q.weight"]})
    imatrix = read_imatrix(tmp_path / "m.gguf")
    found = imatrix.importance("blk.0.attn_q.weight", (9, 4))
    assert found is not None and found.shape == (4,)
    assert imatrix.importance("blk.1.attn_q.weight", (9, 4)) is None
    assert imatrix.importance("token_embd.weight", (9, 5)) is None
    with pytest.raises(LocalqwqError, match=r"4 importances for blk.0.attn_q.weight.*5 values"):
        imatrix.importance("blk.0.attn_q.weight", (9, 5))


def test_metadata_is_what_llama_quantize_writes() -> None:
    """Texts are cut where it cuts them, and what is not known has no key."""
    path = Path("/x" * 100)
    entries = imatrix_metadata(Imatrix(path, ("ü" * 100, "b"), 7, MEANS))
    assert [(entry.key, entry.value) for entry in entries] == [
        ("quantize.imatrix.file", str(path)[:MAX_TEXT]),
        ("quantize.imatrix.dataset", "ü" * 63),
        ("quantize.imatrix.entries_count", 2),
        ("quantize.imatrix.chunks_count", 7),
    ]
    keys = [entry.key for entry in imatrix_metadata(Imatrix(path, (), 0, MEANS))]
    assert keys == ["quantize.imatrix.file", "quantize.imatrix.entries_count"]


LEGACY = legacy_bytes(MEANS, dataset="wiki.txt")
GOOD = np.ones((1, 4), dtype=np.float32)
COUNT = np.ones((1, 1), dtype=np.float32)


@pytest.mark.parametrize(
    ("tensors", "sentence"),
    [
        ({"a.in_sum2": GOOD}, "do not match"),
        ({"a.counts": COUNT}, "do not match"),
        ({"a.in_sum2": GOOD, "a.counts": COUNT.astype(np.float16)}, "do not match"),
        ({"a.in_sum2": GOOD, "a.counts": np.ones((3, 1), dtype=np.float32)}, "not numbers"),
        ({"a.in_sum2": GOOD, "a.counts": COUNT * np.nan}, "not numbers"),
        ({"a.in_sum2": GOOD * np.inf, "a.counts": COUNT}, "not numbers"),
        ({"a.in_sum2": GOOD * -1, "a.counts": COUNT}, "not sums of squares"),
        ({"a.in_sum2": GOOD * 1e21, "a.counts": COUNT}, "not sums of squares"),
        ({"other": GOOD}, "holds no importances"),
    ],
)
def test_damaged_values_are_refused(
    tmp_path: Path, tensors: dict[str, NDArray[np.float32]], sentence: str
) -> None:
    """ggml would end the process on some of them, and make garbage of the others."""
    with pytest.raises(LocalqwqError, match=sentence):
        read_imatrix(write_gguf(tmp_path / "m.gguf", tensors))


@pytest.mark.parametrize(
    "keys",
    [
        {"imatrix.datasets": None}, {"imatrix.chunk_count": None}, {"imatrix.chunk_size": "512"},
        {"imatrix.datasets": "a"}, {"imatrix.datasets": [1, 2]},
    ],
)  # fmt: skip
def test_other_gguf_files_are_refused(tmp_path: Path, keys: dict[str, object]) -> None:
    """A model, say, given by mistake."""
    tensors = {"a.in_sum2": GOOD, "a.counts": COUNT}
    path = write_gguf(tmp_path / "m.gguf", tensors, keys)
    with pytest.raises(LocalqwqError, match=r"no importance matrix|not a list of texts"):
        read_imatrix(path)


def test_what_is_no_file_is_named(tmp_path: Path) -> None:
    """Missing, a directory, empty, or a text."""
    empty, text = tmp_path / "empty", tmp_path / "text"
    empty.write_bytes(b"")
    text.write_text("blk.0.attn_q.weight: 1.0\n" * 10)
    for path, sentence in [
        (tmp_path / "none", "does not exist"),
        (tmp_path, "is not a regular file"),
        (empty, "is empty"),
        (text, "truncated, or no importance matrix"),
    ]:
        with pytest.raises(LocalqwqError, match=sentence):
            read_imatrix(path)


@pytest.fixture(scope="module")
def gguf_bytes(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A good GGUF file's."""
    path = tmp_path_factory.mktemp("imatrix") / "m.gguf"
    write_imatrix(path, MEANS)
    return path.read_bytes()


@settled
@given(st.data())
def test_damage_is_an_error_or_another_matrix(
    tmp_path: Path, gguf_bytes: bytes, data: st.DataObject
) -> None:
    """Bytes changed or cut anywhere: a clear error, or values that the kernels survive."""
    path = tmp_path / "m"
    damaged = bytearray(gguf_bytes if data.draw(st.booleans()) else LEGACY)
    for _ in range(data.draw(st.integers(0, 3))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(damaged[: data.draw(st.integers(0, len(damaged)))])
    try:
        imatrix = read_imatrix(path)
    except LocalqwqError as error:
        assert str(path) in str(error)
    else:
        assert imatrix.values
        for values in imatrix.values.values():
            assert np.isfinite(values).all() and (values >= 0).all() and values.max() <= 1e20
        assert imatrix_metadata(imatrix)


@settled
@given(st.binary(max_size=200))
def test_any_bytes_are_an_error_or_a_matrix(tmp_path: Path, content: bytes) -> None:
    """Nothing in a file makes a traceback, a hang or a large allocation."""
    path = tmp_path / "m"
    path.write_bytes(content)
    try:
        assert read_imatrix(path).values
    except LocalqwqError as error:
        assert str(path) in str(error)
