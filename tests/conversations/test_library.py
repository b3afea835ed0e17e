"""Conversations and turns that are renamed, pinned, removed and brought back."""

import sqlite3
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from localqwq.conversations.library import KEPT_SECONDS
from localqwq.conversations.migrations import MIGRATIONS
from localqwq.conversations.reading import UnknownConversationError
from localqwq.conversations.schema import statements
from localqwq.conversations.store import Store
from localqwq.conversations.turns import Attachment, Conversation, Draft, Measures, path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where a test keeps its store."""
    return tmp_path / "conversations.sqlite"


def grow(store: Store, shape: list[int]) -> Conversation:
    """A conversation whose turn after the first follow the turns that `shape` counts to."""
    conversation = store.create("root")
    turns = [conversation.path()[0]]
    for step in shape:
        turns.append(
            store.add_prompt(conversation.id, turns[step % len(turns)].id, str(len(turns)))
        )
    return store.get(conversation.id)


def test_pinned_conversations_come_first(file: Path) -> None:
    """The order of the list: pinned, then by the last word; the last one is still the last."""
    with Store(file) as store:
        first, second, third = (store.create(name).id for name in ("one", "two", "three"))
        store.pin(first, True)
        listed = store.newest()
        assert [(entry.id, entry.pinned) for entry in listed] == [
            (first, True),
            (third, False),
            (second, False),
        ]
        assert [entry.id for entry in store.newest(limit=1, offset=1)] == [third]
        assert store.get(first).pinned
        last = store.last()
        assert last is not None
        assert last.id == third
        store.pin(first, False)
        assert store.newest()[0].id == third


def test_the_list_says_which_model_answered_last(file: Path) -> None:
    """A conversation may have had several."""
    with Store(file) as store:
        conversation = store.create("?")
        assert store.newest()[0].model == ""
        assert conversation.head is not None
        for model in ("demo", "qwq"):
            turn = store.start_answer(conversation.id, conversation.head, model)
            store.finish(turn.id, "done", "", "!", Measures())
        assert store.newest()[0].model == "qwq"


def test_a_deleted_conversation_can_be_brought_back(file: Path) -> None:
    """It is in no list and cannot be opened; its restored self is what it was."""
    with Store(file) as store:
        conversation = store.create("gone")
        store.delete(conversation.id)
        assert store.newest() == []
        assert store.last() is None
        with pytest.raises(UnknownConversationError):
            store.get(conversation.id)
        store.restore(conversation.id)
        assert store.get(conversation.id) == conversation


def test_what_was_deleted_last_comes_back_first(file: Path) -> None:
    """Step by step, after a restart too, until nothing is left to bring back."""
    with Store(file) as store:
        first, second = store.create("one").id, store.create("two").id
        store.delete(second)
        store.delete(first)
    with Store(file) as store:
        back = [store.restore_last() for _ in range(3)]
        assert [each and each.id for each in back] == [first, second, None]


def test_who_writes_on_brings_a_deleted_conversation_back(file: Path) -> None:
    """Another window may have it open; its words are not lost."""
    with Store(file) as store:
        conversation = store.create("kept")
        store.delete(conversation.id)
        store.add_prompt(conversation.id, conversation.head, "more")
        assert [turn.text for turn in store.get(conversation.id).path()] == ["kept", "more"]


def test_what_was_deleted_long_ago_is_forgotten(file: Path) -> None:
    """After 30 days, at the next start, conversations and turns go for good, words included."""
    with Store(file) as store:
        old, young, whole = (store.create(name).id for name in ("old", "young", "whole"))
        branch = store.add_prompt(whole, store.get(whole).head, "branch")
        store.add_prompt(whole, branch.id, "leaf")
        store.set_draft(old, "unsent")
        store.remove_turn(branch.id)
        store.delete(old)
        store.delete(young)
    long_ago = time.time() - KEPT_SECONDS - 1
    with sqlite3.connect(file) as connection:
        connection.execute("UPDATE conversations SET deleted = ? WHERE id = ?", (long_ago, old))
        connection.execute("UPDATE removals SET removed = ?", (long_ago,))
    with Store(file) as store:
        store.restore(young)
        with pytest.raises(UnknownConversationError):
            store.restore(old)
        assert [turn.text for turn in store.get(whole).turns.values()] == ["whole"]
    with sqlite3.connect(file) as connection:
        for table in ("turn_words", "title_words"):
            connection.execute(f"INSERT INTO {table} ({table}, rank) VALUES ('integrity-check', 1)")
        assert connection.execute("SELECT count(*) FROM turns").fetchone() == (2,)


def test_settings_system_and_drafts_are_kept(file: Path) -> None:
    """What belongs to a conversation comes back with it."""
    overrides = {"sampling": {"temperature": 0.6}, "prompts": {"system": "é"}}
    with Store(file) as store:
        number = store.create("x").id
        store.set_settings(number, overrides)
        store.set_system(number, "Be brief.")
        store.set_draft(number, "half a thought")
        store.set_draft(None, "a first")
        store.set_draft(None, "a first word")
    with Store(file) as store:
        conversation = store.get(number)
        assert conversation.settings == overrides
        assert conversation.system == "Be brief."
        assert store.draft(number) == Draft("half a thought")
        assert store.draft(None) == Draft("a first word")
        store.set_draft(None, "")
        assert store.draft(None) == Draft()


def test_attachments_of_drafts_are_kept(file: Path) -> None:
    """Typing does not write them again, and they may be there without any text."""
    files = (Attachment("é.txt", "a\nb", 3), Attachment("Pasted text 1", "c"))
    with Store(file) as store:
        number = store.create("x").id
        store.set_draft(number, "", files)
        store.set_draft(number, "About these")
    with Store(file) as store:
        assert store.draft(number) == Draft("About these", files)
        store.set_draft(number, "", ())
        assert store.draft(number) == Draft()


def test_a_draft_of_a_new_conversation_may_be_the_newest(file: Path) -> None:
    """Until another one is written to; looking at a draft again makes it no newer."""
    with Store(file) as store:
        assert not store.is_new_one_newer()
        store.create("x")
        store.set_draft(None, "half a thought")
        assert store.is_new_one_newer()
        store.create("y")
        assert not store.is_new_one_newer()
        store.set_draft(None, "half a thought")
        assert not store.is_new_one_newer()
        store.set_draft(None, "half a thought more")
        assert store.is_new_one_newer()
        store.set_draft(None, "")
        assert not store.is_new_one_newer()


def test_an_unknown_conversation_cannot_be_changed(file: Path) -> None:
    """The sentence says what there is."""
    with Store(file) as store:
        store.create("known")
        with pytest.raises(UnknownConversationError, match="known"):
            store.rename(7, "x")


def test_attachments_belong_to_their_prompt(file: Path) -> None:
    """They come back in their order; a prompt of files alone is named after the first."""
    files = (Attachment("b.txt", "B", 3), Attachment("a.txt", "A"))
    with Store(file) as store:
        conversation = store.create("", attachments=files)
        assert conversation.title == "b.txt"
        assert conversation.path()[0].attachments == files
        turn = store.add_prompt(conversation.id, conversation.head, "more", files[:1])
        assert store.get(conversation.id).turns[turn.id].attachments == files[:1]


def test_an_answer_may_begin_with_edited_text(file: Path) -> None:
    """What is generated is put behind it, in a running turn as in a finished one."""
    with Store(file) as store:
        conversation = store.create("?")
        assert conversation.head is not None
        turn = store.start_answer(conversation.id, conversation.head, "demo", "Hm. ", "So ")
        assert (turn.thought, turn.text) == ("Hm. ", "So ")
        store.append(turn.id, "", "it ", Measures())
        assert store.finish(turn.id, "done", "", "is.", Measures()).text == "So it is."


def test_a_turn_that_was_taken_for_lost_loses_nothing(file: Path) -> None:
    """Somebody may think that a writer died which then writes on."""
    with Store(file) as store:
        conversation = store.create("?")
        assert conversation.head is not None
        turn = store.start_answer(conversation.id, conversation.head, "demo")
        store.append(turn.id, "", "one ", Measures())
        with sqlite3.connect(file) as connection:
            connection.execute("UPDATE turns SET writer = '1 0.00'")
        with Store(file) as other:
            assert other.get(conversation.id).turns[turn.id].status == "lost"
        store.append(turn.id, "", "two ", Measures())
        with Store(file) as other:
            assert other.get(conversation.id).turns[turn.id].text == "one two "
        assert store.finish(turn.id, "done", "", "three", Measures()).text == "one two three"


def test_a_turn_whose_writer_dies_is_lost_for_those_who_look(file: Path) -> None:
    """No restart is needed to see that another process died."""
    with Store(file) as store:
        conversation = store.create("?")
        assert conversation.head is not None
        store.start_answer(conversation.id, conversation.head, "demo", text="so far")
        with sqlite3.connect(file) as connection:
            connection.execute("UPDATE turns SET writer = '1 0.00'")
        assert store.get(conversation.id).path()[-1].status == "lost"


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.integers(0, 20), max_size=10), st.lists(st.integers(0, 20), max_size=4))
def test_removing_turns_is_undone_step_by_step(shape: list[int], removed: list[int]) -> None:
    """Whatever is removed, what is left is whole; undoing it all brings everything back."""
    with Store(Path(":memory:")) as store:
        conversation = grow(store, shape)
        done: list[tuple[int, Conversation]] = []
        for step in removed:
            before = store.get(conversation.id)
            if not before.turns:
                break
            turn = sorted(before.turns)[step % len(before.turns)]
            done.append((turn, before))
            head = store.remove_turn(turn)
            after = store.get(conversation.id)
            assert after.head == head
            after.path()
            kept = {
                number
                for number in before.turns
                if turn not in {step.id for step in path(before.turns, number)}
            }
            assert set(after.turns) == kept
        for turn, before in reversed(done):
            assert store.restore_turn(turn) == before.head
            assert store.get(conversation.id) == before


def test_who_writes_behind_a_removed_turn_brings_it_back(file: Path) -> None:
    """Another window may stand there; the path to its words is whole again."""
    with Store(file) as store:
        conversation = grow(store, [0, 1])
        middle, end = sorted(conversation.turns)[1:]
        store.remove_turn(end)
        store.remove_turn(middle)
        store.add_prompt(conversation.id, end, "on")
        assert [turn.text for turn in store.get(conversation.id).path()] == [
            "root",
            "1",
            "2",
            "on",
        ]


def test_removing_goes_on_beside_before_it_goes_up(file: Path) -> None:
    """The next head is the end of the branch beside, else the turn before, else none."""
    with Store(file) as store:
        conversation = grow(store, [0, 1, 0])
        root, first, end, second = sorted(conversation.turns)
        assert store.remove_turn(second) == end
        assert store.remove_turn(first) == root
        assert store.remove_turn(root) is None
        assert store.get(conversation.id).path() == ()


def test_a_file_of_the_first_version_is_brought_up_to_date(file: Path) -> None:
    """Conversations of an older localqwq are there, and are found."""
    with sqlite3.connect(file) as connection:
        for statement in statements(MIGRATIONS[0]):
            connection.execute(statement)
        connection.execute("PRAGMA user_version = 1")
        connection.execute(
            "INSERT INTO conversations (id, title, system, created, updated)"
            " VALUES (5, 'old title', '', 1, 2)"
        )
        connection.execute(
            "INSERT INTO turns (id, conversation, role, status, text, created)"
            " VALUES (8, 5, 'user', 'done', 'old prompt', 1)"
        )
        connection.execute("UPDATE conversations SET head = 8")
    with Store(file) as store:
        assert [turn.text for turn in store.get(5).path()] == ["old prompt"]
        assert [hit.place for hit in store.search("old")] == ["title", "prompt"]
        assert store.newest()[0].title == "old title"
