"""Copies of the store, and what happens when one is put back."""

import shutil
import sqlite3
import threading
from pathlib import Path

import pytest

from localqwq.conversations.backups import back_up
from localqwq.conversations.store import Store
from localqwq.conversations.turns import Measures
from localqwq.errors import LocalqwqError


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where a test keeps its store."""
    return tmp_path / "conversations.sqlite"


def talk(store: Store, *titles: str) -> None:
    """Conversations of some length."""
    for title in titles:
        conversation = store.create(title, attachments=())
        assert conversation.head is not None
        turn = store.start_answer(conversation.id, conversation.head, "demo")
        store.finish(turn.id, "done", "word " * 900, title * 900, Measures())


def titles(path: Path) -> list[str]:
    """What a store lists, oldest first."""
    with Store(path) as store:
        return [conversation.title for conversation in store.all()]


def test_a_backup_is_one_file_with_everything(file: Path, tmp_path: Path) -> None:
    """Taken from an open store; drafts and deleted conversations are in it."""
    copy = tmp_path / "elsewhere" / "copy.sqlite"
    copy.parent.mkdir()
    with Store(file) as store:
        talk(store, "one", "two", "three")
        store.set_draft(None, "unsent")
        store.delete(2)
        back_up(store, copy)
        talk(store, "four")
    assert [path.name for path in copy.parent.iterdir()] == ["copy.sqlite"]
    assert titles(copy) == ["one", "three"]
    with Store(copy) as store:
        assert store.draft(None).text == "unsent"
        store.restore(2)
        assert store.get(2).path()[-1].text == "two" * 900


def test_a_backup_beside_a_writer_is_whole(file: Path, tmp_path: Path) -> None:
    """Each copy holds conversations from the first one on, none of them cut."""
    done = threading.Event()

    def write() -> None:
        with Store(file) as store:
            for number in range(40):
                talk(store, f"number {number}")
        done.set()

    with Store(file) as store:
        writer = threading.Thread(target=write)
        writer.start()
        copies = 0
        while not done.wait(0.05) and copies < 20:
            back_up(store, tmp_path / f"copy-{copies}.sqlite")
            copies += 1
        writer.join()
    assert copies
    for number in range(copies):
        found = titles(tmp_path / f"copy-{number}.sqlite")
        assert found == [f"number {each}" for each in range(len(found))]


def test_a_backup_is_never_written_over(file: Path, tmp_path: Path) -> None:
    """Nor to where there is no folder; nothing is left behind then."""
    with Store(file) as store:
        talk(store, "one")
        copy = tmp_path / "copy.sqlite"
        back_up(store, copy)
        before = copy.read_bytes()
        with pytest.raises(LocalqwqError, match=r"copy\.sqlite already exists"):
            back_up(store, copy)
        assert copy.read_bytes() == before
        with pytest.raises(LocalqwqError, match="cannot be written"):
            back_up(store, tmp_path / "nowhere" / "copy.sqlite")
    assert {path.name for path in tmp_path.iterdir()} == {"copy.sqlite", file.name}


@pytest.fixture
def mixed(file: Path, tmp_path: Path) -> Path:
    """A backup that was put beside the log that a killed app left of a later state."""
    folder = tmp_path / "mixed"
    folder.mkdir()
    with Store(file) as store:
        talk(store, "old")
        back_up(store, folder / file.name)
    with Store(file) as store:
        talk(store, *map(str, range(30)))
    with Store(file) as store:
        talk(store, "late", "later")
        shutil.copy(f"{file}-wal", folder)
    return folder / file.name


def test_a_stale_log_beside_a_backup_is_told(mixed: Path) -> None:
    """The sentence says what to move away; until then neither file is changed, and then all is
    well."""
    log = mixed.with_name(f"{mixed.name}-wal")
    before = mixed.read_bytes(), log.read_bytes()
    for _ in range(2):
        with pytest.raises(LocalqwqError, match=r"move conversations\.sqlite-wal and .*-shm away"):
            Store(mixed)
    assert (mixed.read_bytes(), log.read_bytes()) == before
    log.unlink()
    mixed.with_name(f"{mixed.name}-shm").unlink(missing_ok=True)
    assert titles(mixed) == ["old"]


def test_the_log_of_a_killed_app_is_kept(file: Path, tmp_path: Path) -> None:
    """What it holds and the file does not is read, as ever."""
    with Store(file) as store:
        talk(store, "one", "two")
        folder = tmp_path / "killed"
        folder.mkdir()
        shutil.copy(file, folder)
        shutil.copy(f"{file}-wal", folder)
    assert titles(folder / file.name) == ["one", "two"]


@pytest.mark.parametrize("seed", range(12))
def test_whatever_is_damaged_is_a_sentence(file: Path, seed: int) -> None:
    """Each way of reading and writing, with some pages of the file overwritten."""
    with Store(file) as store:
        talk(store, *map(str, range(20)))
    data = bytearray(file.read_bytes())
    pages = len(data) // 4096
    for step in range(1, 6):
        page = 1 + (seed * 31 + step * 17) % (pages - 1)
        data[page * 4096 : page * 4096 + 2000] = bytes((seed * step + n) % 256 for n in range(2000))
    file.write_bytes(data)
    try:
        store = Store(file)
    except LocalqwqError:
        return
    with store:
        for work in (
            lambda: store.newest(),
            lambda: store.last(),
            lambda: list(store.all()),
            lambda: store.search("word"),
            lambda: store.draft(None),
            lambda: store.restore_last(),
            lambda: store.add_prompt(1, 2, "more"),
            lambda: store.remove_turn(4),
            lambda: store.rename(3, "x"),
            lambda: store.place_of(5),
            lambda: back_up(store, file.with_name("copy.sqlite")),
        ):
            try:
                work()
            except LocalqwqError as error:
                assert str(error).endswith(".")


def test_turns_that_are_missing_are_told(file: Path) -> None:
    """A conversation that stands at nothing is named; others are read."""
    with Store(file) as store:
        talk(store, "one", "two")
    with sqlite3.connect(file) as connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute("DELETE FROM turns WHERE id = 1")
        connection.execute("UPDATE conversations SET settings = '{' WHERE id = 2")
    with Store(file) as store:
        with pytest.raises(LocalqwqError, match=r"Conversation 1 .* damaged: turns are missing"):
            store.get(1)
        with pytest.raises(LocalqwqError, match="is damaged"):
            store.get(2)
