"""What a download is written to: the same bytes, whichever way they go to the disk."""

import ctypes
import mmap
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from localqwq.packs.download.direct_file import ALIGNMENT, Output, aligned_memory

PIECES = st.lists(
    st.sampled_from([1, 511, ALIGNMENT - 1, ALIGNMENT, 3 * ALIGNMENT]) | st.integers(1, 20_000),
    max_size=12,
)


def put(output: Output, data: memoryview, at: int) -> None:
    """Write all of it."""
    while data:
        count = output.write(data, at)
        assert 0 < count <= len(data)
        data, at = data[count:], at + count


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(PIECES, st.booleans())
def test_pieces_of_any_length_follow_one_another(
    tmp_path: Path, sizes: list[int], aligned: bool
) -> None:
    """Whole blocks past the cache, what is before and behind them through it."""
    path = tmp_path / "file"
    path.unlink(missing_ok=True)
    content = os.urandom(sum(sizes))
    memory = aligned_memory(len(content) + ALIGNMENT)
    shift = 0 if aligned else 1
    memory[shift : shift + len(content)] = content
    at = 0
    with Output(path) as output:
        for size in sizes:
            put(output, memory[shift + at : shift + at + size], at)
            at += size
            assert output.read(size, at - size) == content[at - size : at]
        output.truncate(at)
        output.sync()
    assert path.read_bytes() == content


def test_what_is_there_stays(tmp_path: Path) -> None:
    """A file that a download goes on with."""
    path = tmp_path / "file"
    path.write_bytes(b"a" * 10_000)
    memory = aligned_memory(2 * ALIGNMENT)
    memory[:] = b"b" * len(memory)
    with Output(path) as output:
        put(output, memory, ALIGNMENT)
    assert path.read_bytes() == b"a" * ALIGNMENT + b"b" * len(memory)


def pages_in_cache(path: Path) -> int:
    """How many of a file's pages the system has in memory (`man 2 mincore`)."""
    size = path.stat().st_size
    with path.open("rb") as file, mmap.mmap(file.fileno(), size, access=mmap.ACCESS_COPY) as there:
        first = ctypes.c_char.from_buffer(there)
        pages = (ctypes.c_ubyte * -(-size // mmap.PAGESIZE))()
        mincore = ctypes.CDLL(None, use_errno=True).mincore
        failed = mincore(ctypes.c_void_p(ctypes.addressof(first)), ctypes.c_size_t(size), pages)
        del first
    assert not failed
    return sum(page & 1 for page in pages)


@pytest.mark.skipif(not hasattr(os, "O_DIRECT"), reason="this system has no direct writes")
def test_a_model_stays_out_of_the_cache(tmp_path: Path) -> None:
    """Otherwise it would push out what other programs need."""
    path = tmp_path / "file"
    path.touch()
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_DIRECT))
    except OSError:
        pytest.skip("this file system has no direct writes")
    with Output(path) as output:
        put(output, aligned_memory(4 << 20), 0)
    assert pages_in_cache(path) == 0
