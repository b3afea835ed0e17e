"""Stop strings end the answer, whole or in pieces, and are not shown."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from localqwq.reasoning.events import Answer, Thought, ToolCall, ToolCallPart
from localqwq.reasoning.parser import Piece
from localqwq.reasoning.stops import AnswerStops, StopFinder

letters = st.text("abc", max_size=30)
stops = st.lists(st.text("abc", min_size=1, max_size=4), min_size=1, max_size=4)


@settings(deadline=None)
@given(letters, stops, st.lists(st.integers(0, 30)))
def test_the_first_stop_string_ends_the_text(
    text: str, strings: list[str], places: list[int]
) -> None:
    """Wherever the text is cut, what comes out is what stands before the first stop string.

    Of those that begin later but end sooner, the one that is complete first counts.
    """
    finder = StopFinder(strings)
    bounds = sorted({0, len(text), *(place for place in places if place < len(text))})
    shown = ""
    for start, end in pairwise(bounds):
        shown += finder.feed(text[start:end])
    found = finder.found
    shown += finder.flush()
    assert text.startswith(shown)
    assert found == any(stop in text for stop in strings)
    assert not any(stop in shown for stop in strings)
    assert (finder.string in strings) is found
    assert text.startswith(shown + (finder.string or ""))
    if not found:
        assert shown == text


def test_text_is_held_back_only_as_long_as_it_must() -> None:
    """The beginning of a stop string waits, anything else does not."""
    finder = StopFinder(["END", "\n\n"])
    assert [finder.feed(text) for text in ("a E", "N", "d E", "\n", "b\n")] == [
        "a ",
        "",
        "ENd ",
        "E",
        "\nb",
    ]
    assert finder.feed("\nc") == ""
    assert finder.found


def test_thoughts_and_calls_are_left_alone() -> None:
    """The thought may have the stop string; held text comes before a call; counts stay."""
    stops = AnswerStops(["END"])
    call = ToolCall("1", "f", "{}")
    pieces: list[Piece] = [
        Thought("END"),
        Answer("a E", 2),
        call,
        Answer("b END c", 3),
        Answer("d"),
    ]
    assert list(stops.filter(pieces)) == [
        Thought("END"),
        Answer("a ", 2),
        Answer("E", 0),
        call,
        Answer("b ", 3),
        Answer("", 1),
    ]
    assert stops.found
    assert list(stops.flush()) == []


def test_parts_of_calls_are_left_alone() -> None:
    """What was held back comes before them; after a stop string only their tokens count."""
    part = ToolCallPart("1", "f", "", 2)
    filtered = AnswerStops(["END"])
    assert list(filtered.filter([Answer("a EN"), part])) == [Answer("a "), Answer("EN", 0), part]
    assert list(filtered.filter([Answer("END"), part])) == [Answer(""), Answer("", 2)]
