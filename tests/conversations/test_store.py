"""The store: what is written stays, whoever dies."""

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from localqwq.conversations import schema
from localqwq.conversations.migrations import MIGRATIONS
from localqwq.conversations.reading import UnknownConversationError
from localqwq.conversations.store import LOST_NOTE, Store
from localqwq.conversations.turns import Measures, Turn
from localqwq.errors import LocalqwqError

MEASURES = Measures(2.5, 1.5, 12, 8, 50, 20.0)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where a test keeps its store."""
    return tmp_path / "conversations.sqlite"


def test_others_are_noticed_when_they_write(file: Path) -> None:
    """What this store writes itself changes nothing, and neither does what others read."""
    with Store(file) as store, Store(file) as other:
        created = store.create("How many r's?")
        before = store.others
        store.rename(created.id, "Letters")
        other.get(created.id)
        assert store.others == before
        other.rename(created.id, "Other letters")
        assert store.others != before


def test_a_conversation_comes_back_as_it_was(file: Path) -> None:
    """Prompt, thought, answer and measures are the same in another store on the file."""
    with Store(file) as store:
        created = store.create("How many r's?", system="Be short.")
        prompt = created.path()[-1]
        answer = store.start_answer(created.id, prompt.id, "demo Q8_0")
        store.append(answer.id, "r, r, ", "", Measures(1.0, 1.0, 3, 3))
        ended = store.finish(answer.id, "done", "r", "Three.", MEASURES)
        assert ended.thought == "r, r, r"
    with Store(file) as store:
        last = store.last()
        assert last is not None
        assert last == store.get(created.id)
        assert (last.title, last.system) == ("How many r's?", "Be short.")
        assert last.path() == (prompt, ended)
        assert ended.measures == MEASURES
        assert ended.status == "done"


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(st.text(), st.text()), min_size=1, max_size=8))
def test_pieces_add_up_in_order(pieces: list[tuple[str, str]]) -> None:
    """However the text is cut into pieces, a running and an ended turn show all of it."""
    with Store(Path(":memory:")) as store:
        conversation = store.create("?")
        answer = store.start_answer(conversation.id, conversation.path()[-1].id, "m")
        for thought, text in pieces[:-1]:
            store.append(answer.id, thought, text, MEASURES)
        running = store.get(conversation.id).path()[-1]
        assert running.thought == "".join(thought for thought, _ in pieces[:-1])
        assert running.text == "".join(text for _, text in pieces[:-1])
        ended = store.finish(answer.id, "stopped", *pieces[-1], MEASURES, "Stopped.")
        assert ended.thought == "".join(thought for thought, _ in pieces)
        assert ended.text == "".join(text for _, text in pieces)
        assert (ended.status, ended.note) == ("stopped", "Stopped.")


def test_a_moved_head_keeps_the_turns_behind_it(file: Path) -> None:
    """Going on from an earlier turn makes a branch; nothing is removed."""
    with Store(file) as store:
        conversation = store.create("first")
        first = conversation.path()[-1]
        second = store.add_prompt(conversation.id, first.id, "second")
        store.move_head(conversation.id, first.id)
        assert store.get(conversation.id).path() == (first,)
        other = store.add_prompt(conversation.id, first.id, "other")
        again = store.get(conversation.id)
        assert again.path() == (first, other)
        assert again.turns[second.id] == second


def test_the_last_conversation_is_the_one_written_to_last(file: Path) -> None:
    """A new turn brings an old conversation to the front of the list."""
    with Store(file) as store:
        assert store.last() is None
        first, second = store.create("one"), store.create("two")
        assert [summary.id for summary in store.newest()] == [second.id, first.id]
        store.add_prompt(first.id, first.head, "again")
        assert [summary.title for summary in store.newest()] == ["one", "two"]


def test_an_unknown_conversation_is_named(file: Path) -> None:
    """The sentence says what there is instead."""
    with Store(file) as store:
        with pytest.raises(UnknownConversationError, match="no conversation 9, and no other"):
            store.get(9)
        store.create("one")
        with pytest.raises(UnknownConversationError, match=r"the newest are 1 \(“one”\)"):
            store.get(9)


WRITER = """
import os, signal, sys
from pathlib import Path
from localqwq.conversations.reading import UnknownConversationError
from localqwq.conversations.store import Store
from localqwq.conversations.turns import Measures

store = Store(Path(sys.argv[1]))
conversation = store.create("prompt")
answer = store.start_answer(conversation.id, conversation.head, "m")
store.append(answer.id, "thought so far", "answer so far", Measures(tokens=6))
if sys.argv[2:] == ["stay"]:
    print("ready", flush=True)
    sys.stdin.read()
else:
    os.kill(os.getpid(), signal.SIGKILL)
"""


def _last_turn(file: Path) -> Turn:
    with Store(file) as store:
        last = store.last()
        assert last is not None
        return last.path()[-1]


def test_a_turn_of_a_killed_process_is_lost_but_its_text_is_kept(file: Path) -> None:
    """kill -9 during an answer leaves what the journal had."""
    subprocess.run([sys.executable, "-c", WRITER, str(file)], check=False, timeout=60)
    turn = _last_turn(file)
    assert (turn.status, turn.note) == ("lost", LOST_NOTE)
    assert (turn.thought, turn.text) == ("thought so far", "answer so far")
    assert turn.measures.tokens == 6


def test_a_turn_that_another_process_writes_stays_running(file: Path) -> None:
    """Opening the store beside a living writer changes nothing of its turn."""
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(file), "stay"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        turn = _last_turn(file)
        assert (turn.status, turn.text) == ("running", "answer so far")
        process.communicate()
    assert _last_turn(file).status == "lost"


CROWD = """
import sys
from pathlib import Path
from localqwq.conversations.reading import UnknownConversationError
from localqwq.conversations.store import Store
from localqwq.conversations.turns import Measures

with Store(Path(sys.argv[1])) as store:
    conversation = store.create(sys.argv[2])
    head = conversation.head
    for number in range(10):
        answer = store.start_answer(conversation.id, head, "m")
        store.append(answer.id, "t", "", Measures())
        store.finish(answer.id, "done", "", f"{number}", Measures())
        head = store.add_prompt(conversation.id, answer.id, "?").id
"""


def test_processes_that_write_at_once_lose_nothing(file: Path) -> None:
    """Four processes make the file together and write into it; all of it is there."""
    crowd = [
        subprocess.Popen([sys.executable, "-c", CROWD, str(file), f"writer {number}"])
        for number in range(4)
    ]
    assert [process.wait(timeout=120) for process in crowd] == [0, 0, 0, 0]
    with Store(file) as store:
        conversations = [store.get(summary.id) for summary in store.newest()]
        assert {conversation.title for conversation in conversations} == {
            f"writer {number}" for number in range(4)
        }
        for conversation in conversations:
            answers = [turn.text for turn in conversation.path() if turn.role == "assistant"]
            assert answers == [str(number) for number in range(10)]
    assert sqlite3.connect(file).execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_file_of_a_newer_version_is_refused(file: Path) -> None:
    """An older localqwq does not guess at tables it does not know."""
    Store(file).close()
    with sqlite3.connect(file) as connection:
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    with pytest.raises(LocalqwqError, match="newer localqwq"):
        Store(file)


def test_a_file_that_is_no_database_is_refused_and_left_alone(file: Path) -> None:
    """The sentence names the file and the way out."""
    file.write_text("not a database " * 100)
    with pytest.raises(LocalqwqError, match="cannot be opened as the store") as caught:
        Store(file)
    assert str(file) in str(caught.value)
    assert file.read_text() == "not a database " * 100


def test_a_file_that_somebody_else_holds_is_not_called_broken(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody is told to move a good file away."""
    monkeypatch.setattr(schema, "BUSY_SECONDS", 0.05)
    with sqlite3.connect(file, isolation_level=None) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        with pytest.raises(LocalqwqError, match="no other program is using it"):
            Store(file)


def test_a_python_without_full_text_search_gets_a_sentence(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says which Python has it."""
    monkeypatch.setattr(schema, "FULL_TEXT", "fts-that-nobody-has")
    with pytest.raises(LocalqwqError, match="built without FTS5"):
        Store(file)
