"""States on disk: private, bounded, complete or not there."""

import os
import resource
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localqwq.engine.states.daily_writes import DailyWrites
from localqwq.engine.states.files import PieceHeader, StateFiles
from localqwq.engine.states.packed import pack
from localqwq.engine.states.pieces import NO_PARENT, hashed
from localqwq.engine.states.store import StateStore
from tests.stored_states import (
    GENEROUS,
    blob_of,
    conversation,
    files,
    keep_on_disk,
    kept,
    loaded,
    put,
    saving,
    store_in,
)


def header_of(tokens: list[int], size: int, key: bytes = b"k") -> PieceHeader:
    """What the file of a conversation in one piece says."""
    return PieceHeader(hashed(key), NO_PARENT, 0, pack(tokens), size)


NAME = header_of(conversation(1), 0).name


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Where states go; it is not there yet."""
    return tmp_path / "cache" / "states"


@pytest.fixture(scope="module")
def state_file(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """What is in a file of one state."""
    directory = tmp_path_factory.mktemp("one")
    keep_on_disk(directory, conversation(1))
    return (directory / NAME).read_bytes()


def test_conversations_are_private(directory: Path) -> None:
    """Nobody else may read the files, or list the directory."""
    keep_on_disk(directory, conversation(1))
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert [stat.S_IMODE(path.stat().st_mode) for path in files(directory)] == [0o600]


def test_what_killed_processes_left_is_cleaned_up(directory: Path) -> None:
    """Temporary files go after an hour; files of others are left alone."""
    keep_on_disk(directory, conversation(1))
    names = {".writing-old": 3700, ".writing-young": 60, "notes.txt": 9000}
    for name, age in names.items():
        (directory / name).write_bytes(b"x")
        os.utime(directory / name, (time.time() - age,) * 2)
    store_in(directory)
    left = {path.name for path in files(directory)}
    assert left & set(names) == {".writing-young", "notes.txt"}
    assert len(left) == 3


def test_a_smaller_limit_holds_from_the_start(directory: Path) -> None:
    """Files of earlier runs go when the limit is lowered."""
    keep_on_disk(directory, conversation(1), conversation(2))
    store_in(directory, disk=files(directory)[0].stat().st_size)
    assert len(files(directory)) == 1


@contextmanager
def no_room() -> Iterator[None]:
    """A disk on which files end after 1000 bytes; pytest's own output, too, hence not for long."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_keeps_nothing(directory: Path) -> None:
    """A write that fails leaves no file, and the states in RAM stay."""
    tokens = conversation(1)
    store = store_in(directory, ram=len(blob_of(tokens)))
    with no_room():
        put(store, tokens)
        store.flush()
        first = kept(store, tokens)
        put(store, conversation(2))
        store.flush()
    assert first
    assert not loaded(store, tokens)
    assert kept(store, conversation(2))
    assert files(directory) == []


def test_a_failed_write_takes_no_other_state_along(directory: Path) -> None:
    """The same tokens' state of a new key stays when the old key's cannot be written."""
    store = store_in(directory)
    with no_room():
        put(store, conversation(1), b"old" * 1000)
        store.rekey("new")
        put(store, conversation(1), b"new" * 1000)
        store.flush()
    assert kept(store, conversation(1), b"new" * 1000)


def test_an_impossible_directory_is_no_error(tmp_path: Path) -> None:
    """Where no directory can be made, states live in RAM only."""
    (tmp_path / "file").write_text("in the way")
    store = store_in(tmp_path / "file" / "states", ram=0)
    put(store, conversation(1))
    store.flush()
    assert store.find(conversation(1)) is None


@given(data=st.data())
def test_damaged_files_are_noticed(state_file: bytes, data: st.DataObject) -> None:
    """Cut, extended or changed anywhere, a file gives no state, no error, and goes."""
    where = data.draw(st.integers(0, len(state_file) - 1) | st.integers(0, 200))
    damaged = data.draw(
        st.sampled_from(
            [
                state_file[:where],
                state_file + state_file[where:],
                state_file[:where] + bytes([state_file[where] ^ 1]) + state_file[where + 1 :],
                state_file[:where] + b"\xff" * 8 + state_file[where + 8 :],
            ]
        )
        | st.binary(max_size=400)
    )
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / NAME
        path.write_bytes(damaged)
        store = store_in(Path(directory))
        assert not loaded(store, conversation(1))
        assert not path.exists()
        assert store.find(conversation(1)) is None


def test_strange_things_in_the_directory_are_ignored(directory: Path, state_file: bytes) -> None:
    """Links, pipes, folders, another's state under this name, and sizes that no memory has."""
    directory.mkdir(parents=True)
    key = hashed(b"k")
    (directory / NAME).symlink_to("/dev/zero")
    os.mkfifo(directory / f"{key}-{1:032x}.state")
    (directory / f"{key}-{2:032x}.state").mkdir()
    (directory / f"{key}-{3:032x}.state").write_bytes(state_file)
    (directory / header_of(conversation(1), 0, b"other").name).write_bytes(state_file)
    with (directory / f"{key}-{4:032x}.state").open("wb") as sparse:
        sparse.write(state_file[:20] + b"\xff" * 4 + bytes(8) + bytes.fromhex(key) + bytes(16))
        sparse.truncate(64 + 4 * (2**32 - 1) + 64)
    for name in (key, "other"):
        store = StateStore(
            key=name if name == "other" else "k",
            ram_bytes=0,
            directory=directory,
            disk_bytes=1 << 40,
        )
        assert store.find(conversation(1)) is None
        put(store, conversation(1))
        store.flush()
        assert kept(store, conversation(1))


def test_states_of_others_are_not_trusted(directory: Path) -> None:
    """A file that another user could have prepared is neither read nor removed."""
    keep_on_disk(directory, conversation(1))
    if os.geteuid() != 0:
        pytest.skip("only root can give files away")
    earlier = store_in(directory)
    found = earlier.find(conversation(1))
    assert found is not None
    os.chown(directory / NAME, 12345, -1)
    assert list(earlier.load(found, 0, found.common)) == []
    assert earlier.find(conversation(1)) is None
    assert store_in(directory).find(conversation(1)) is None
    assert (directory / NAME).exists()


def test_files_beyond_the_limit_are_not_written(directory: Path) -> None:
    """A state that can never fit takes no other's place."""
    keep_on_disk(directory, conversation(1))
    limit = files(directory)[0].stat().st_size
    header = header_of(conversation(2), limit)
    assert not StateFiles(directory, limit, GENEROUS).write(header, bytes(limit))
    assert [path.name for path in files(directory)] == [NAME]


def test_files_beyond_the_limit_are_not_read(directory: Path) -> None:
    """What another process with a larger limit has written takes no more memory than this one's."""
    store = store_in(directory, disk=1000)
    keep_on_disk(directory, conversation(1))
    assert store.find(conversation(1)) is None


def test_no_more_is_written_in_a_day_than_the_limit(directory: Path) -> None:
    """Over restarts and processes; what does not fit stays in RAM or is lost."""
    keep_on_disk(directory, conversation(1))
    size = files(directory)[0].stat().st_size
    for number, written in ((2, 2), (3, 3), (4, 3), (5, 3)):
        store = store_in(directory, daily=3 * size)
        put(store, conversation(number))
        store.flush()
        assert kept(store, conversation(number))
        assert len(files(directory)) == written
    evicted = store_in(directory, ram=0, daily=3 * size)
    put(evicted, conversation(6))
    evicted.flush()
    assert not loaded(evicted, conversation(6))
    assert evicted.write_next(conversation(6), saving(conversation(6)), 1000) is False
    assert len(files(directory)) == 3
    assert kept(store_in(directory), conversation(1))


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 2)), max_size=20), st.integers(0, 300))
def test_each_day_has_its_own_count(writes: list[tuple[int, int]], limit: int) -> None:
    """Whoever wrote it: only the present day's bytes count."""
    day = 1
    with tempfile.TemporaryDirectory() as directory:
        counted: dict[int, int] = {}
        for size, later in writes:
            day += later
            daily = DailyWrites(Path(directory), limit, partial("2026-01-{:02d}".format, day))
            daily.add(size)
            counted[day] = counted.get(day, 0) + size
            assert daily.left() == max(0, limit - counted[day])
            daily.clean()
            assert len(list(Path(directory).iterdir())) == 1


def test_a_torn_count_is_no_error(tmp_path: Path) -> None:
    """A record that a crash cut off does not count, and a link is not followed."""
    daily = DailyWrites(tmp_path, 100, lambda: "2026-01-01")
    daily.add(30)
    with (tmp_path / ".written-2026-01-01").open("ab") as stream:
        stream.write(b"123")
    assert daily.left() == 70
    (tmp_path / ".written-2026-01-01").unlink()
    (tmp_path / ".written-2026-01-01").symlink_to(tmp_path / "other")
    with pytest.raises(OSError, match=r"\.written-2026-01-01"):
        daily.add(1)
    assert not (tmp_path / "other").exists()
