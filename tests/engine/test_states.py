"""States of conversations in RAM and on disk."""

import os
import shutil
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from localqwq.engine.states.files import file_name
from localqwq.engine.states.packed import beyond, pack
from localqwq.engine.states.pieces import NO_PARENT, hashed, piece_id
from localqwq.engine.states.store import WORTHWHILE, StateStore
from tests.stored_states import (
    TOKENS,
    WHOLE,
    blob_of,
    common,
    conversation,
    file_bytes,
    files,
    keep_on_disk,
    kept,
    loaded,
    put,
    saving,
    store_in,
)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Where states go; it is not there yet."""
    return tmp_path / "cache" / "states"


@given(st.integers(0, 200), st.lists(st.tuples(TOKENS, st.booleans()), max_size=25))
def test_ram_keeps_the_most_recently_used(
    limit: int, uses: list[tuple[tuple[int, ...], bool]]
) -> None:
    """Without a disk the store is a least-recently-used cache of pieces under a byte limit."""
    store = store_in(None, ram=limit)
    model: dict[tuple[int, ...], _Held] = {}
    for now, (tokens, puts) in enumerate(uses):
        shared = {path: common(path, tokens) for path in model}
        if puts:
            put(store, tokens)
            known = [path for path in model if shared[path] == len(path)]
            start = max(map(len, known), default=0)
            if start < len(tokens):
                model[tokens] = _Held(start, len(blob_of(tokens[start:], start)), now)
            _use(model, tokens, now)
            by_age = sorted(model, key=lambda path: (model[path].used, -model[path].start))
            for path in beyond(limit, [(path, model[path].size) for path in by_age]):
                for other in [other for other in model if path in _chain(model, other)]:
                    del model[other]
        else:
            most = max(shared.values(), default=0)
            assert loaded(store, tokens) == most
            nearest = sorted((path for path in model if most and shared[path] == most), key=len)
            if len(nearest) > 1 and len(nearest[0]) == len(nearest[1]):
                return  # which one of several equally long ones counts as used is left open
            if nearest:
                _use(model, nearest[0], now)
    for path in model:
        assert kept(store, path)
    assert sum(piece.size for piece in store._tree) == sum(one.size for one in model.values())


@dataclass
class _Held:
    """A piece, by all tokens up to its end."""

    start: int
    size: int
    used: int


def _chain(model: dict[tuple[int, ...], _Held], path: tuple[int, ...]) -> list[tuple[int, ...]]:
    """The pieces up to this one, the last first."""
    found = []
    while path:
        found.append(path)
        path = path[: model[path].start]
    return found


def _use(model: dict[tuple[int, ...], _Held], path: tuple[int, ...], now: int) -> None:
    for one in _chain(model, path) if path in model else ():
        model[one].used = now


def test_loading_counts_as_use() -> None:
    """The state that was loaded stays in RAM, and the one put after it goes."""
    size = len(blob_of(conversation(1)))
    store = store_in(None, ram=2 * size)
    for number in (1, 2):
        put(store, conversation(number))
    assert kept(store, conversation(1))
    put(store, conversation(3))
    assert kept(store, conversation(1))
    assert not loaded(store, conversation(2))


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(
                ["put", "write", "find", "flush", "other process", "rekey", "delete", "damage"]
            ),
            st.integers(1, 4),
            st.sampled_from([WORTHWHILE - 1, WORTHWHILE, WORTHWHILE + 9, 3 * WORTHWHILE]),
        ),
        max_size=14,
    ),
    st.sampled_from([50, WHOLE]),
)
def test_no_order_of_uses_gives_a_wrong_state(uses: list[tuple[str, int, int]], most: int) -> None:
    """Whatever happens in RAM, on disk and in other processes: a blob fits its tokens and key."""
    disk = 9000
    root = Path(tempfile.mkdtemp())
    try:
        mine = StateStore(key="a", ram_bytes=4500, directory=root, disk_bytes=disk)
        other = StateStore(key="a", ram_bytes=0, directory=root, disk_bytes=disk)
        key = "a"
        for action, number, length in uses:
            # Some branch off from others after 90 tokens.
            tokens = [*conversation(number % 2, 90), *conversation(number, length)[90:]]
            if action == "put":
                put(mine, tokens, key.encode(), most)
            elif action == "write":
                mine.write_next(tokens, saving(tokens, key.encode()), most)
            elif action == "other process":
                put(other, tokens, b"a", most)
                other.flush()
            elif action == "flush":
                mine.flush()
            elif action == "rekey":
                key = "b" if key == "a" else "a"
                mine.rekey(key)
            elif action == "delete":
                for path in files(root)[:number]:
                    path.unlink(missing_ok=True)
            elif action == "damage":
                for path in files(root)[:1]:
                    # What is still being written may have another name by now.
                    with suppress(FileNotFoundError), path.open("r+b") as stream:
                        stream.seek(-1, os.SEEK_END)
                        stream.write(b"?")
            else:
                loaded(mine, tokens, key.encode())
        mine.flush()
        other.flush()
        assert sum(path.stat().st_size for path in files(root)) <= disk
        assert all(path.suffix == ".state" for path in files(root))
        for store in (mine, other):
            assert all(piece.blob is not None or piece.on_disk for piece in store._tree)
    finally:
        shutil.rmtree(root)


def test_states_outlive_the_process(directory: Path) -> None:
    """What was flushed is found by a new store, whose prompt goes on or branches off."""
    tokens = conversation(1)
    keep_on_disk(directory, tokens, conversation(2))
    store = store_in(directory)
    found = store.find([*tokens[:-8], 5, 6])
    assert found is not None
    assert (found.common, found.length) == (len(tokens) - 8, len(tokens))
    [(piece, end, blob)] = store.load(found, 0, found.common)
    assert (piece.blob, piece.size, end) == (None, len(blob_of(tokens)), len(tokens) - 8)
    assert blob == blob_of(tokens)
    assert store.find([3]) is None


def test_full_ram_moves_the_oldest_to_disk(directory: Path) -> None:
    """Nothing is lost where the disk has room, and short states are not written."""
    size = len(blob_of(conversation(1)))
    store = store_in(directory, ram=2 * size)
    for number in range(1, 5):
        put(store, conversation(number))
        assert kept(store, conversation(1))
    assert all(kept(store, conversation(number)) for number in range(1, 5))
    short = conversation(9, WORTHWHILE - 1)
    put(store, short)
    put(store, conversation(5))
    put(store, conversation(6))
    store.flush()
    assert not loaded(store, short)
    assert len(files(directory)) == 6


def test_the_disk_keeps_the_most_recently_used(directory: Path) -> None:
    """A state that was loaded stays when others have to go, whatever its key."""
    size = file_bytes(conversation(1))
    keep_on_disk(directory, *(conversation(number) for number in (1, 2, 3)))
    for age, path in enumerate(files(directory)):
        os.utime(path, (age, age))
    oldest = files(directory)[0].name
    store = store_in(directory, disk=3 * size)
    [number] = [n for n in (1, 2, 3) if oldest == name_of(conversation(n))]
    assert kept(store, conversation(number))
    store.rekey("another")
    put(store, conversation(4))
    store.flush()
    assert len(files(directory)) == 3
    assert kept(store_in(directory), conversation(number))


def test_a_longer_state_adds_what_is_new(directory: Path) -> None:
    """The beginning that is on disk is not written again."""
    short, long = conversation(1), conversation(1, 200)
    keep_on_disk(directory, short)
    [first] = files(directory)
    before = first.stat()
    store = store_in(directory)
    put(store, long)
    assert files(directory) == [first]
    store.flush()
    [second] = [path for path in files(directory) if path != first]
    assert second.stat().st_size == file_bytes(long[len(short) :], len(short))
    assert first.stat().st_ino == before.st_ino
    put(store, short)
    found = store.find(short)
    assert found is not None
    assert (found.common, found.length) == (len(short), len(short))
    assert kept(store_in(directory), long)


def test_a_longer_state_that_is_lost_leaves_its_beginning(directory: Path) -> None:
    """Where the longer one cannot be written, the shorter one on disk is found again."""
    short, long = conversation(1), conversation(1, 200)
    keep_on_disk(directory, short)
    store = store_in(directory, ram=0, disk=file_bytes(short))
    assert store.find(short)
    put(store, long)
    store.flush()
    found = store.find(long)
    assert found is not None
    assert found.common == found.length == len(short)
    assert kept(store, short)


def test_branches_are_stored_without_their_common_beginning(directory: Path) -> None:
    """Each has a file of its own tokens, and is loaded through the file of the other."""
    stem = conversation(1, 150)
    one, other = [*stem, *range(5000, 5090)], [*stem, *range(6000, 6090)]
    store = store_in(directory)
    put(store, one)
    put(store, other)
    store.flush()
    assert sorted(path.stat().st_size for path in files(directory)) == sorted(
        [file_bytes(one), file_bytes(other[150:], 150)]
    )
    later = store_in(directory)
    assert kept(later, one)
    assert kept(later, other)
    found = later.find(other)
    assert found is not None
    assert [end for _, end, _ in later.load(found, 0, found.common)] == [150, 240]


def test_the_end_of_a_conversation_goes_before_its_beginning(directory: Path) -> None:
    """In RAM and on disk, and the conversation that was used last stays whole."""
    first, second = conversation(1, 400), conversation(2, 400)
    for ram in (True, False):
        room = 6 * (len(blob_of(first[:100])) if ram else file_bytes(first[:100]))
        store = store_in(None, ram=room) if ram else store_in(directory, ram=0, disk=room)
        put(store, first, most=100)
        store.flush()
        put(store, second, most=100)
        store.flush()
        later = store if ram else store_in(directory, disk=room)
        assert kept(later, second)
        assert loaded(later, first) == 200


def test_what_is_missing_or_damaged_costs_only_what_is_behind_it(directory: Path) -> None:
    """The pieces before it are still found and loaded; those behind it come back with it."""
    tokens = conversation(1, 500)
    store = store_in(directory)
    put(store, tokens, most=100)
    store.flush()
    chain = store.find(tokens)
    assert chain is not None
    third = directory / file_name(hashed(b"k"), chain.pieces[2].id)
    intact = third.read_bytes()
    for content in (None, intact[:-1], intact[:-1] + bytes([intact[-1] ^ 1])):
        third.unlink(missing_ok=True)
        if content is not None:
            third.write_bytes(content)
        later = store_in(directory)
        assert loaded(later, tokens) == 200
        assert loaded(later, tokens) == 200
        third.write_bytes(intact)
        assert kept(store_in(directory), tokens)
    third.unlink()
    later = store_in(directory)
    assert loaded(later, tokens) == 200
    put(later, tokens, most=100)
    later.flush()
    assert kept(store_in(directory), tokens)


def test_another_key_finds_nothing_until_the_old_one_is_back(directory: Path) -> None:
    """A context with other parameters sees none of the states; on disk they wait."""
    tokens = conversation(1)
    store = store_in(directory)
    put(store, tokens)
    store.rekey("other")
    assert store.find(tokens) is None
    put(store, tokens, b"other")
    store.flush()
    assert kept(store, tokens, b"other")
    store.rekey("k")
    assert kept(store, tokens)
    ram_only = store_in(None)
    put(ram_only, tokens)
    ram_only.rekey("other")
    ram_only.rekey("k")
    assert ram_only.find(tokens) is None


def test_processes_share_a_directory(directory: Path) -> None:
    """What another process writes is found, and what it deletes is forgotten."""
    one, other = store_in(directory), store_in(directory)
    tokens = conversation(1)
    assert other.find(tokens) is None
    put(one, tokens)
    one.flush()
    assert kept(other, tokens)
    found = other.find(tokens)
    assert found is not None
    files(directory)[0].unlink()
    assert list(other.load(found, 0, found.common)) == []
    assert other.find(tokens) is None
    assert kept(one, tokens)


def name_of(tokens: list[int]) -> str:
    """The file of a conversation in one piece."""
    return file_name(hashed(b"k"), piece_id(NO_PARENT, 0, pack(tokens)))
