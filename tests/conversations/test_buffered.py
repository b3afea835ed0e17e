"""The app's store: every write fails in turn, and nobody notices anything but a sentence."""

import sqlite3
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from localqwq.conversations import unsaved
from localqwq.conversations.buffered import BufferedStore
from localqwq.conversations.rounds import StoredCall
from localqwq.conversations.store import Store
from localqwq.conversations.turns import Attachment, Measures, leaf
from localqwq.errors import LocalqwqError
from tests.conversations.failing import FAILURES, Disk, failing_disk

MEASURES = Measures(2.5, 1.5, 12, 8, 50, 20.0)
FOR_EVER = 10**9

Plain = tuple[Any, ...]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where a test keeps its store."""
    return tmp_path / "conversations.sqlite"


@pytest.fixture
def disk() -> Iterator[Disk]:
    """Where all stores of a test are."""
    with failing_disk() as disk:
        yield disk


def use(store: BufferedStore) -> Iterator[None]:
    """What a person does in an evening; whoever looks may do so after each step."""
    first = store.create("First?", "Be short.", (Attachment("a.txt", "A", 1),))
    yield
    answer = store.start_answer(first.id, first.path()[-1].id, "demo")
    yield
    for number in range(3):
        store.append(answer.id, f"thought {number} ", "", Measures(tokens=number))
        yield
    store.set_draft(first.id, "typed meanwh", (Attachment("b.txt", "B", 2),))
    yield
    store.set_draft(first.id, "typed meanwhile")
    yield
    store.finish(answer.id, "stopped", "end", "said", MEASURES, "Stopped.")
    yield
    store.set_draft(first.id, "", ())
    prompt = store.add_prompt(first.id, answer.id, "Second?")
    yield
    second = store.start_answer(first.id, prompt.id, "demo", "begun ", "with this ")
    store.append(second.id, "", "and more ", Measures(tokens=5))
    yield
    store.rewrite(second.id, "begun with this and more ", "")
    yield
    store.append(second.id, "", "answered ", Measures(tokens=6))
    yield
    store.finish(second.id, "done", "", "to the end", MEASURES)
    yield
    third = store.start_answer(first.id, store.add_prompt(first.id, second.id, "Third?").id, "demo")
    store.append(third.id, "I look ", "", Measures(tokens=2))
    call = StoredCall("call_0", "look", "{}")
    store.end_round(third.id, 0, [call, replace(call, id="call_1")])
    yield
    store.end_call(third.id, 0, replace(call, result="seen", status="done", seconds=1.5))
    yield
    store.append(third.id, "I know ", "", Measures(tokens=4))
    store.rewrite(third.id, "I really know ", "")
    yield
    store.end_round(third.id, 1, [call])
    store.end_call(third.id, 1, replace(call, result="all", read="a", status="done"))
    yield
    store.append(third.id, "", "It is ", Measures(tokens=6))
    yield
    store.finish(third.id, "done", "", "so", MEASURES)
    yield
    store.move_head(first.id, answer.id)
    edited = store.add_prompt(first.id, answer.id, "Edited?")
    yield
    store.remove_turn(edited.id)
    yield
    store.restore_turn(edited.id)
    yield
    store.move_head(first.id, leaf(store.get(first.id).turns, prompt.id))
    yield
    other = store.create("Another one?")
    store.set_draft(None, "for a third one")
    yield
    store.rename(other.id, "  A better\ntitle ")
    store.pin(first.id, True)
    yield
    store.set_settings(other.id, {"sampling.top_p": 0.5})
    store.delete(other.id)
    yield
    store.restore_last()
    yield


def seen(store: BufferedStore | Store) -> list[Plain]:
    """Everything in it, without times and with numbers from one."""
    found: list[Plain] = [(store.draft(None),)]
    for summary in store.newest():
        one = store.get(summary.id)
        numbers = {number: place for place, number in enumerate(sorted(one.turns))}
        turns = [
            replace(turn, id=0, parent=numbers.get(turn.parent or 0), created=0)
            for _, turn in sorted(one.turns.items())
        ]
        about = one.title, one.system, one.pinned, dict(one.settings), numbers.get(one.head or 0)
        found.append((*about, turns, store.draft(one.id)))
    return found


def hits(store: BufferedStore | Store) -> list[Plain]:
    """What is found in it."""
    return [(hit.title, hit.place, hit.snippet) for hit in store.search("thought")]


def views(store: BufferedStore) -> list[list[Plain]]:
    """What is seen after each step."""
    return [seen(store) for _ in use(store)]


def stored(file: Path) -> list[Plain]:
    """What another process sees."""
    with Store(file) as store:
        return seen(store)


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[list[Plain]], int]:
    """What is seen where no write fails, and how many writes that takes."""
    file = tmp_path_factory.mktemp("sound") / "conversations.sqlite"
    with failing_disk() as disk, BufferedStore(file) as store:
        disk.writes = 0
        found = views(store)
        assert store.trouble == ""
        writes = disk.writes
    assert stored(file) == found[-1]
    assert writes > 50
    return found, writes


def test_each_write_fails_once(
    file: Path, disk: Disk, expected: tuple[list[list[Plain]], int]
) -> None:
    """One sees the same as ever, and it is stored as soon as it can be."""
    found, writes = expected
    for number in range(writes):
        store = BufferedStore(file.with_name(f"{number}.sqlite"))
        disk.fail(number, number + 1, FAILURES[number % len(FAILURES)][0])
        for step, _ in enumerate(use(store)):
            assert seen(store) == found[step], (number, step)
            store.retry()
            assert store.trouble == ""
        assert store.close() == ""
        assert stored(file.with_name(f"{number}.sqlite")) == found[-1], number


def test_each_write_fails_until_the_end(
    file: Path, disk: Disk, expected: tuple[list[list[Plain]], int]
) -> None:
    """It is said why; all of it is stored in one go when there is room again."""
    found, writes = expected
    for number in range(writes):
        failure, reason = FAILURES[number % len(FAILURES)]
        path = file.with_name(f"{number}.sqlite")
        store = BufferedStore(path)
        disk.fail(number, FOR_EVER, failure)
        assert views(store) == found, number
        assert len(hits(store)) == 1
        store.retry()
        assert store.trouble == f"Not stored: {reason}. Kept in memory until it can be."
        disk.mend()
        store.retry()
        assert store.trouble == ""
        assert seen(store) == found[-1], number
        assert stored(path) == found[-1], number
        assert store.close() == ""


def test_what_cannot_be_stored_at_the_end_is_in_a_file_elsewhere(
    file: Path,
    disk: Disk,
    expected: tuple[list[list[Plain]], int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whose path is said; it is added later, and nothing is missing or there twice."""
    found, writes = expected
    monkeypatch.setenv("HOME", str(file.parent))
    for number in range(0, writes, 3):
        path = file.with_name(f"{number}.sqlite")
        store = BufferedStore(path)
        disk.fail(number, FOR_EVER, sqlite3.SQLITE_FULL)
        assert views(store) == found
        sentence = store.close()
        disk.mend()
        [left] = file.parent.glob("localqwq-unsaved-*.json")
        assert f"`localqwq import {left}`" in sentence
        changes = unsaved.read_file(left)
        assert changes is not None
        with Store(path) as again:
            unsaved.add(changes, again)
            assert seen(again) == found[-1], number
        left.unlink()


def test_a_draft_that_was_typed_later_stays(
    file: Path, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one that could not be stored comes behind it, once."""
    monkeypatch.setenv("HOME", str(file.parent))
    store = BufferedStore(file)
    number = store.create("?").id
    disk.fail(0, FOR_EVER, sqlite3.SQLITE_FULL)
    store.set_draft(number, "earlier words", ())
    store.close()
    disk.mend()
    [left] = file.parent.glob("localqwq-unsaved-*.json")
    changes = unsaved.read_file(left)
    assert changes is not None
    with Store(file) as again:
        again.set_draft(number, "later words", ())
        for _ in range(2):
            unsaved.add(changes, again)
            assert again.draft(number).text == "later words\n\nearlier words"


def test_a_store_that_another_process_holds_is_written_in_its_order(file: Path) -> None:
    """Nobody waits for long, others' conversations stay, and no number is given twice."""
    with BufferedStore(file) as store:
        first = store.create("First?")
        answer = store.start_answer(first.id, first.path()[-1].id, "demo")
        with Store(file) as other:
            blocker = sqlite3.connect(file, isolation_level=None)
            blocker.execute("BEGIN IMMEDIATE")
            began = time.monotonic()
            store.append(answer.id, "one ", "", MEASURES)
            for _ in range(20):
                store.append(answer.id, "more ", "", MEASURES)
                store.retry()
            assert time.monotonic() - began < 5
            assert "another program is writing" in store.trouble
            mine = store.create("Begun meanwhile?")
            blocker.execute("ROLLBACK")
            blocker.close()
            theirs = other.create("Somebody else's?")
            assert theirs.id != mine.id
            store.retry()
            assert store.trouble == ""
            store.append(answer.id, "last", "", MEASURES)
            assert other.get(first.id).path()[-1].thought == "one " + "more " * 20 + "last"
            assert other.get(mine.id).path() == mine.path()
            assert other.get(theirs.id).path() == theirs.path()


def test_a_disk_that_cannot_even_be_read_costs_no_word(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer goes on from what is known of its conversation."""
    with BufferedStore(file) as store:
        first = store.create("First?")
        answer = store.start_answer(first.id, first.path()[-1].id, "demo")
        store.append(answer.id, "one ", "", MEASURES)
        disk = store._holding.disk
        assert disk is not None
        real, disk._file.connection = (
            disk._file.connection,
            sqlite3.connect(":memory:", isolation_level=None),
        )
        disk._file.connection.row_factory = sqlite3.Row
        store.append(answer.id, "two ", "", MEASURES)
        ended = store.finish(answer.id, "stopped", "three", "", MEASURES)
        assert ended.thought == "one two three"
        assert [turn.text for turn in store.get(first.id).path()] == ["First?", ""]
        disk._file.connection = real
        store.retry()
        assert store.trouble == ""
        with Store(file) as other:
            assert other.get(first.id).path()[-1].thought == "one two three"


def test_a_full_file_is_told_and_goes_on_when_it_is_larger(file: Path) -> None:
    """SQLite's own bound on the file, in the place of a disk's."""
    with BufferedStore(file) as store:
        first = store.create("First?")
        disk = store._holding.disk
        assert disk is not None
        pages = disk._file.connection.execute("PRAGMA page_count").fetchone()[0]
        disk._file.connection.execute(f"PRAGMA max_page_count = {pages}")
        turn = store.start_answer(first.id, first.path()[-1].id, "demo")
        for _ in range(40):
            store.append(turn.id, "words " * 500, "", MEASURES)
        assert "the disk is full" in store.trouble
        disk._file.connection.execute("PRAGMA max_page_count = 100000")
        store.retry()
        assert store.trouble == ""
        with Store(file) as other:
            assert other.get(first.id).path()[-1].thought == "words " * 20_000


def test_what_another_process_made_impossible_is_set_aside(
    file: Path, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rest is stored, and leaving writes that one to a file."""
    monkeypatch.setenv("HOME", str(file.parent))
    store = BufferedStore(file)
    first, second = store.create("First?"), store.create("Second?")
    disk.fail(0, FOR_EVER, sqlite3.SQLITE_BUSY)
    store.rename(first.id, "Renamed")
    store.rename(second.id, "Renamed, too")
    disk.mend()
    with Store(file) as other:
        other.drop(first.id)
    store.retry()
    assert "another program changed it" in store.trouble
    assert [summary.title for summary in store.newest()] == ["Renamed, too"]
    assert "localqwq-unsaved-" in store.close()


def test_a_folder_without_a_store_that_takes_none(tmp_path: Path) -> None:
    """One can talk all the same, is told, and it is kept once that can be done."""
    place = tmp_path / "not there"
    place.write_text("a file where the folder should be")
    with BufferedStore(place / "conversations.sqlite") as store:
        assert store.trouble.startswith("Nothing is saved: ")
        found = views(store)
        store.retry()
        assert store.trouble.startswith("Nothing is saved: ")
        place.unlink()
        place.mkdir()
        store.retry()
        assert store.trouble == ""
        assert seen(store) == found[-1]
    assert stored(place / "conversations.sqlite") == found[-1]


def test_a_temporary_conversation_is_nowhere_on_the_disk(file: Path) -> None:
    """Though one finds it again while the app runs."""
    with BufferedStore(file) as store:
        lasting = store.create("A lasting one?")
        store.set_draft(0, "typed before it began", ())
        assert store.draft(0).text == "typed before it began"
        one = store.create("The secret one?", temporary=True)
        answer = store.start_answer(one.id, one.path()[-1].id, "demo")
        store.append(answer.id, "secretly ", "", MEASURES)
        store.set_draft(one.id, "a secret draft", ())
        store.finish(answer.id, "done", "", "secret answer", MEASURES)
        assert store.get(one.id).path()[-1].text == "secret answer"
        assert {summary.id for summary in store.newest()} == {lasting.id, one.id}
        assert {hit.conversation for hit in store.search("secret")} == {one.id}
        store.add_prompt(lasting.id, lasting.head, "And on")
    for path in file.parent.iterdir():
        assert b"secret" not in path.read_bytes()


def test_a_file_of_something_else_is_no_file_of_changes(tmp_path: Path) -> None:
    """Damaged ones are named; others are left to the import."""
    path = tmp_path / "file.json"
    for text in ("", "{}", "[1, 2", "\x00\xff"):
        path.write_text(text, encoding="latin-1")
        assert unsaved.read_file(path) is None
    begin = f'{{"format": "{unsaved.FORMAT}", "version": '
    for rest in ("9}", "1}", '1, "changes": [{"kind": "grew"}], "beginnings": {}}', '1, "cha'):
        path.write_text(begin + rest)
        with pytest.raises(LocalqwqError, match=r"file\.json"):
            unsaved.read_file(path)


def test_nobody_waits_for_another_process_to_open_the_store(file: Path) -> None:
    """Though there is something to tidy up; it is read as if that had been done."""
    with Store(file) as store:
        number = store.create("First?").id
        turn = store.start_answer(number, 1, "demo")
        store.append(turn.id, "so far", "", MEASURES)
        store._file.connection.execute("UPDATE turns SET writer = '1 1' WHERE status = 'running'")
        blocker = sqlite3.connect(file, isolation_level=None)
        blocker.execute("BEGIN IMMEDIATE")
        began = time.monotonic()
        with BufferedStore(file) as buffered:
            assert buffered.get(number).path()[-1].status == "lost"
            assert time.monotonic() - began < 5
        blocker.execute("ROLLBACK")
        blocker.close()
        assert store.get(number).path()[-1].status == "lost"
