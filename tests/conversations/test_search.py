"""Search over all conversations."""

import string
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from localqwq.conversations.query import MARK, UNMARK, Finder, parse, pieces
from localqwq.conversations.store import Store
from localqwq.conversations.turns import Measures

WORDS = st.lists(
    st.text(string.ascii_lowercase + "äé", min_size=2, max_size=6), min_size=1, max_size=12
)


@pytest.fixture
def store() -> Iterator[Store]:
    """An empty store."""
    with Store(Path(":memory:")) as store:
        yield store


def add(store: Store, prompt: str, answer: str = "", thought: str = "") -> tuple[int, int]:
    """A conversation with one answer; returns its id and that of the answer's turn."""
    conversation = store.create(prompt)
    assert conversation.head is not None
    turn = store.start_answer(conversation.id, conversation.head, "demo")
    store.finish(turn.id, "done", thought, answer, Measures())
    return conversation.id, turn.id


def plain(marked: str) -> str:
    """A snippet as a test reads it."""
    return marked.replace(MARK, "[").replace(UNMARK, "]")


def test_words_are_found_in_all_places(store: Store) -> None:
    """Titles, prompts, answers and thoughts are searched, and each hit says where it was."""
    number, turn = add(store, "How many r's?", "There are three.", "Let me spell strawberry.")
    (hit,) = store.search("strawb")
    assert (hit.conversation, hit.turn, hit.place) == (number, turn, "thought")
    assert plain(hit.snippet) == "Let me spell [strawberry]."
    (hit,) = store.search("three")
    assert (hit.place, plain(hit.snippet)) == ("answer", "There are [three].")
    assert [hit.place for hit in store.search("many")] == ["title", "prompt"]
    assert store.search("many")[0].turn is None


def test_all_words_have_to_be_there(store: Store) -> None:
    """More words mean fewer hits; their order, case and accents do not matter."""
    add(store, "a", "The café is closed.")
    add(store, "b", "The bar is closed.")
    assert len(store.search("closed")) == 2
    (hit,) = store.search("CLOSED cafe")
    assert plain(hit.snippet) == "The [café] is [closed]."
    assert store.search("closed shop") == []


def test_a_hit_is_where_most_of_the_words_are(store: Store) -> None:
    """One word may stand in the answer and all of them in the thought."""
    add(store, "x", "Eat pears.", "The pears want thinking.")
    (hit,) = store.search("pears think")
    assert (hit.place, plain(hit.snippet)) == ("thought", "The [pears] want [thinking].")


def test_the_newest_turn_comes_first(store: Store) -> None:
    """Hits are in the order in which one remembers them."""
    first, second = add(store, "x", "apple one"), add(store, "y", "apple two")
    assert [hit.turn for hit in store.search("apple")] == [second[1], first[1]]
    assert [hit.turn for hit in store.search("apple", limit=1)] == [second[1]]


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("c++", "about [c++]"),
        ("9.11", "is [9.11] larger"),
        ("草莓", "多少个[草莓]里"),
        ("いちご", "はその[いちご]です"),
        ("\\boxed{", "so [\\boxed{]3}"),
        ("→", "a [→] b"),
        ("100%", "it is [100%] sure"),
    ],
)
def test_signs_and_scripts_without_spaces_are_found(store: Store, typed: str, found: str) -> None:
    """What the index does not know as a word is looked for as it is."""
    add(store, "x", "about c and cats")
    add(store, "x", "about 9 of 100 boxed 1000")
    answer = found.replace("[", "").replace("]", "")
    _, turn = add(store, "x", answer)
    (hit,) = store.search(typed)
    assert (hit.turn, plain(hit.snippet)) == (turn, found)


def test_running_answers_are_found_once_they_are_finished(store: Store) -> None:
    """The journal is not searched; the finished turn is."""
    conversation = store.create("?")
    assert conversation.head is not None
    turn = store.start_answer(conversation.id, conversation.head, "demo")
    store.append(turn.id, "", "Now a rhino", Measures())
    assert store.search("rhino") == []
    store.finish(turn.id, "done", "", " appears.", Measures())
    assert [hit.turn for hit in store.search("rhino appears")] == [turn.id]


def test_what_is_deleted_or_removed_is_not_found(store: Store) -> None:
    """Deleting hides hits, restoring shows them again."""
    number, turn = add(store, "fruit", "banana")
    store.delete(number)
    assert store.search("banana") == store.search("fruit") == []
    store.restore(number)
    store.remove_turn(turn)
    assert store.search("banana") == []
    store.restore_turn(turn)
    assert len(store.search("banana")) == 1


def test_a_new_title_is_found_and_the_old_one_is_not(store: Store) -> None:
    """The index of titles follows."""
    number, _ = add(store, "x")
    store.rename(number, "  About\nwhales ")
    (hit,) = store.search("whale")
    assert (hit.conversation, plain(hit.snippet)) == (number, "About [whales]")
    store.rename(number, "Dolphins")
    assert store.search("whales") == []


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(WORDS, st.data())
def test_every_beginning_of_a_word_finds_its_turn(words: list[str], data: st.DataObject) -> None:
    """Whatever was said, the beginning of any word of it is enough."""
    typed = [word[: data.draw(st.integers(1, 6))] for word in data.draw(st.permutations(words))]
    with Store(Path(":memory:")) as store:
        _, turn = add(store, "?", " ".join(words))
        (hit,) = store.search(" ".join(typed))
        assert hit.turn == turn
        assert MARK in hit.snippet


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(), st.text())
def test_nothing_typed_is_an_error(text: str, typed: str) -> None:
    """Quotes, operators of FTS5 and control characters are only text."""
    with Store(Path(":memory:")) as store:
        add(store, "?", text)
        store.search(typed)
        for operator in ('"', "a AND", "NOT b", "text:c", "(", "*", "^d", "-e", "%_\\"):
            store.search(f"{operator} {typed}")


@given(st.text(), st.text(min_size=1))
def test_pieces_are_the_snippet(text: str, typed: str) -> None:
    """Marks fall away on one line, and what was typed is among what is marked."""
    found = Finder.of(parse(typed)).snippet(f"{text} {typed} {text}")
    shown = pieces(found)
    assert " ".join("".join(part for part, _ in shown).split()) == " ".join(
        found.replace(MARK, "").replace(UNMARK, "").split()
    )
    assert found.count(MARK) == found.count(UNMARK)


def test_a_snippet_is_where_the_words_meet() -> None:
    """Not where the first of them comes first."""
    text = "Pears. " * 40 + "But these pears want thinking, " + "and others. " * 40
    shown = plain(Finder.of(parse("pears think")).snippet(text))
    assert "[pears] want [thinking]" in shown.lower()
    assert shown.startswith("…")
    assert shown.endswith("…")


def test_a_long_query_is_cut() -> None:
    """Somebody may paste a book into the search box."""
    query = parse("word " * 10_000)
    assert len(query.words) == 16
    assert parse(" \n\t\x00 ").words == ()
