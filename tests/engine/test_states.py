"""States of conversations in RAM and on disk."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from localqwq.engine.states.files import file_name, hashed
from localqwq.engine.states.index import beyond, pack
from localqwq.engine.states.store import WORTHWHILE, StateStore
from tests.stored_states import (
    TOKENS,
    blob_of,
    common,
    conversation,
    files,
    keep_on_disk,
    kept,
    store_in,
)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Where states go; it is not there yet."""
    return tmp_path / "cache" / "states"


@given(st.integers(0, 120), st.lists(st.tuples(TOKENS, st.booleans()), max_size=25))
def test_ram_keeps_the_most_recently_used(
    limit: int, uses: list[tuple[tuple[int, ...], bool]]
) -> None:
    """Without a disk the store is a least-recently-used cache under a byte limit."""
    store = store_in(None, ram=limit)
    model: list[tuple[int, ...]] = []  # the least recently used first
    for tokens, puts in uses:
        if puts and tokens:
            blob = blob_of(tokens)
            store.put(tokens, blob)
            model = [other for other in model if tokens[: len(other)] != other or other == tokens]
            longer = [other for other in model if other[: len(tokens)] == tokens]
            if not longer:
                model.append(tokens)
            elif len(longer) == 1:
                model.remove(longer[0])
                model.append(longer[0])
            else:
                return  # which one of several longer states counts as used is left open
            gone = beyond(limit, [(other, len(blob_of(other))) for other in model])
            model = [other for other in model if other not in gone]
        elif (found := store.find(tokens)) is not None:
            [used] = [other for other in model if pack(other) == found.tokens]
            assert store.load(found) == blob_of(used)
            model.remove(used)
            model.append(used)
        else:
            assert not any(common(tokens, other) for other in model)
    for tokens in model:
        assert kept(store, list(tokens)) == blob_of(tokens)


def test_loading_counts_as_use() -> None:
    """The state that was loaded stays in RAM, and the one put after it goes."""
    size = len(blob_of(conversation(1)))
    store = store_in(None, ram=2 * size)
    for number in (1, 2):
        store.put(conversation(number), blob_of(conversation(number)))
    assert kept(store, conversation(1))
    store.put(conversation(3), blob_of(conversation(3)))
    assert kept(store, conversation(1))
    assert kept(store, conversation(2)) is None


@settings(max_examples=25)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["put", "find", "flush", "other process", "rekey", "delete"]),
            st.integers(1, 4),
            st.sampled_from([WORTHWHILE - 1, WORTHWHILE, WORTHWHILE + 9]),
        ),
        max_size=14,
    )
)
def test_no_order_of_uses_gives_a_wrong_state(uses: list[tuple[str, int, int]]) -> None:
    """Whatever happens in RAM, on disk and in other processes: a blob fits its tokens and key."""
    disk = 4000
    root = Path(tempfile.mkdtemp())
    try:
        mine = StateStore(key="a", ram_bytes=2500, directory=root, disk_bytes=disk)
        other = StateStore(key="a", ram_bytes=0, directory=root, disk_bytes=disk)
        key = "a"
        for action, number, length in uses:
            tokens = conversation(number, length)
            if action == "put":
                mine.put(tokens, key.encode() + blob_of(tokens))
            elif action == "other process":
                other.put(tokens, b"a" + blob_of(tokens))
                other.flush()
            elif action == "flush":
                mine.flush()
            elif action == "rekey":
                key = "b" if key == "a" else "a"
                mine.rekey(key)
            elif action == "delete":
                for path in files(root)[:number]:
                    path.unlink(missing_ok=True)
            elif (found := mine.find(tokens)) is not None:
                blob = mine.load(found)
                whole = conversation(number, found.length)
                assert found.tokens == pack(whole)
                assert found.common == min(length, found.length)
                assert blob is None or bytes(blob) == key.encode() + blob_of(whole)
        mine.flush()
        other.flush()
        assert sum(path.stat().st_size for path in files(root)) <= disk
        assert all(path.suffix == ".state" for path in files(root))
    finally:
        shutil.rmtree(root)


def test_states_outlive_the_process(directory: Path) -> None:
    """What was flushed is found by a new store, whose prompt goes on or branches off."""
    tokens = conversation(1)
    keep_on_disk(directory, tokens, conversation(2))
    store = store_in(directory)
    found = store.find([*tokens[:-8], 5, 6])
    assert found is not None
    assert (found.common, found.length, found.in_ram) == (len(tokens) - 8, len(tokens), False)
    assert found.size == len(blob_of(tokens))
    assert store.load(found) == blob_of(tokens)
    assert store.find([3]) is None


def test_full_ram_moves_the_oldest_to_disk(directory: Path) -> None:
    """Nothing is lost where the disk has room, and short states are not written."""
    size = len(blob_of(conversation(1)))
    store = store_in(directory, ram=2 * size)
    for number in range(1, 5):
        store.put(conversation(number), blob_of(conversation(number)))
        assert kept(store, conversation(1)) == blob_of(conversation(1))
    assert all(kept(store, conversation(number)) for number in range(1, 5))
    short = conversation(9, WORTHWHILE - 1)
    store.put(short, blob_of(short))
    store.put(conversation(5), blob_of(conversation(5)))
    store.put(conversation(6), blob_of(conversation(6)))
    store.flush()
    assert kept(store, short) is None
    assert len(files(directory)) == 6


def test_the_disk_keeps_the_most_recently_used(directory: Path) -> None:
    """A state that was loaded stays when others have to go, whatever its key."""
    size = len(blob_of(conversation(1))) + 4 * WORTHWHILE + 104
    keep_on_disk(directory, *(conversation(number) for number in (1, 2, 3)))
    for age, path in enumerate(files(directory)):
        os.utime(path, (age, age))
    oldest = files(directory)[0].name
    store = store_in(directory, disk=3 * size)
    [number] = [n for n in (1, 2, 3) if oldest == file_name(hashed(b"k"), pack(conversation(n)))]
    assert kept(store, conversation(number))
    store.rekey("another")
    store.put(conversation(4), blob_of(conversation(4)))
    store.flush()
    assert len(files(directory)) == 3
    assert kept(store_in(directory), conversation(number))


def test_a_longer_state_takes_the_place_of_its_beginning(directory: Path) -> None:
    """One file is left, and the old one goes only once the new one is there."""
    short, long = conversation(1), conversation(1, 200)
    keep_on_disk(directory, short)
    [before] = files(directory)
    store = store_in(directory)
    assert store.find(short)
    store.put(long, blob_of(long))
    assert files(directory) == [before]
    store.flush()
    [after] = files(directory)
    assert after != before
    store.put(short, blob_of(short))
    found = store.find(short)
    assert found is not None
    assert (found.common, found.length) == (len(short), len(long))
    assert kept(store_in(directory), long) == blob_of(long)


def test_a_longer_state_that_is_lost_leaves_its_beginning(directory: Path) -> None:
    """Where the longer one cannot be written, the shorter one on disk is found again."""
    short, long = conversation(1), conversation(1, 200)
    keep_on_disk(directory, short)
    store = store_in(directory, ram=0, disk=len(blob_of(short)) + 4 * WORTHWHILE + 104)
    assert store.find(short)
    store.put(long, blob_of(long))
    store.flush()
    found = store.find(long)
    assert found is not None
    assert found.common == found.length == len(short)
    assert store.load(found) == blob_of(short)


def test_another_key_finds_nothing_until_the_old_one_is_back(directory: Path) -> None:
    """A context with other parameters sees none of the states; on disk they wait."""
    tokens = conversation(1)
    store = store_in(directory)
    store.put(tokens, blob_of(tokens))
    store.rekey("other")
    assert store.find(tokens) is None
    store.put(tokens, b"other")
    store.flush()
    assert kept(store, tokens) == b"other"
    store.rekey("k")
    assert kept(store, tokens) == blob_of(tokens)
    ram_only = store_in(None)
    ram_only.put(tokens, blob_of(tokens))
    ram_only.rekey("other")
    ram_only.rekey("k")
    assert ram_only.find(tokens) is None


def test_processes_share_a_directory(directory: Path) -> None:
    """What another process writes is found, and what it deletes is forgotten."""
    one, other = store_in(directory), store_in(directory)
    tokens = conversation(1)
    assert other.find(tokens) is None
    one.put(tokens, blob_of(tokens))
    one.flush()
    assert kept(other, tokens) == blob_of(tokens)
    found = other.find(tokens)
    assert found is not None
    files(directory)[0].unlink()
    assert other.load(found) is None
    assert other.find(tokens) is None
    assert kept(one, tokens) == blob_of(tokens)
