"""A folder that takes no files: what is in it is read, and what is new is held in memory."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from localqwq.conversations.store import LOST_NOTE, Store
from localqwq.conversations.turns import Measures

PERSON = """
import json, sys
from pathlib import Path
from localqwq.conversations.buffered import BufferedStore
from localqwq.conversations.turns import Measures

store = BufferedStore(Path(sys.argv[1]))
old = store.last()
new = store.create("New?")
turn = store.start_answer(new.id, new.head, "m")
store.append(turn.id, "", "words", Measures())
store.retry()
print(json.dumps([
    [[turn.text, turn.thought, turn.status, turn.note] for turn in old.path()] if old else None,
    [summary.title for summary in store.newest()],
    store.get(new.id).path()[-1].text,
    store.trouble,
    store.close(),
]))
"""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder that can be written to again at the end."""
    folder = tmp_path / "data"
    folder.mkdir()
    yield folder
    folder.chmod(0o755)


def spend(folder: Path, home: Path) -> list[object]:
    """What a person sees there who may write nothing."""
    for path in folder.iterdir():
        path.chmod(0o444)
    folder.chmod(0o555)
    command = [sys.executable, "-m", "tests.unprivileged", sys.executable, "-c", PERSON]
    environment = {"HOME": str(home), "PYTHONPATH": str(Path.cwd())}
    file = str(folder / "conversations.sqlite")
    output = subprocess.run(
        [*command, file], check=True, capture_output=True, text=True, env=environment
    ).stdout
    found = json.loads(output)
    assert isinstance(found, list)
    return found


def old(file: Path) -> Store:
    """A store with a conversation, still open."""
    store = Store(file)
    conversation = store.create("Old?")
    turn = store.start_answer(conversation.id, conversation.path()[-1].id, "m")
    store.append(turn.id, "so far", "", Measures())
    return store


@pytest.mark.parametrize("state", ["closed", "crashed", "open"])
def test_it_is_read_and_one_can_go_on(folder: Path, tmp_path: Path, state: str) -> None:
    """Whatever lies beside the file: nothing, a log that a crash has left, or another process."""
    file = folder / "conversations.sqlite"
    store = old(file)
    running = [["Old?", "", "done", ""], ["", "so far", "running", ""]]
    if state == "crashed":
        log = folder / "conversations.sqlite-wal"
        shutil.copy(log, tmp_path / "log")
        main = file.read_bytes()
        store.close()
        file.write_bytes(main)
        shutil.move(tmp_path / "log", log)
        assert not (folder / "conversations.sqlite-shm").exists()
    elif state == "closed":
        store.close()
    found, titles, words, trouble, left = spend(folder, tmp_path)
    assert found == running
    assert titles == ["New?", "Old?"]
    assert words == "words"
    assert isinstance(trouble, str)
    assert trouble.startswith("Nothing is saved: the data folder cannot be written to.")
    [path] = tmp_path.glob("localqwq-unsaved-*.json")
    assert isinstance(left, str)
    assert str(path) in left
    assert "words" in path.read_text()
    if state == "open":
        store.close()


def test_a_turn_whose_writer_died_is_seen_as_lost(folder: Path, tmp_path: Path) -> None:
    """Though that cannot be written down."""
    with old(folder / "conversations.sqlite") as store:
        store._file.connection.execute("UPDATE turns SET writer = '1 1' WHERE status = 'running'")
    found, *_ = spend(folder, tmp_path)
    assert found == [["Old?", "", "done", ""], ["", "so far", "lost", LOST_NOTE]]


def test_an_empty_folder(folder: Path, tmp_path: Path) -> None:
    """There is nothing to be read, and one can talk all the same."""
    found, titles, words, trouble, left = spend(folder, tmp_path)
    assert (found, titles, words) == (None, ["New?"], "words")
    assert isinstance(trouble, str)
    assert trouble.startswith("Nothing is saved: ")
    assert isinstance(left, str)
    assert "localqwq import" in left
