"""Thoughts as lines, made once and the same however they came; and nothing a terminal obeys."""

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from localqwq.conversations.turns import Measures
from localqwq.tui.text.markdown.document import Document
from localqwq.tui.text.measured import count, measured, seconds
from localqwq.tui.widgets.transcript.plain import LONG_LINE, PlainText
from localqwq.visible import visible

PIECES = st.lists(
    st.sampled_from(["word ", "another ", "\n", "\n\n", "x" * 30, "word " * 200, r"\(x^2\) ", "é"]),
    max_size=30,
)


def lines(text: PlainText, width: int) -> list[str]:
    """What is shown."""
    text.draw(width)
    return [line.plain.rstrip() for line in text.lines]


@example(["word " * 200, "word " * 200, "word "], 14)  # a line that is full, but for its space
@given(PIECES, st.integers(10, 90))
def test_a_thought_looks_the_same_however_it_came(pieces: list[str], width: int) -> None:
    """Piece by piece or at once."""
    growing = PlainText()
    for piece in pieces:
        growing.append(piece)
        growing.draw(width)
    assert lines(growing, width) == lines(PlainText("".join(pieces)), width)
    assert growing.source == "".join(pieces)


@given(st.text(alphabet="ab \n", max_size=3 * LONG_LINE), st.integers(10, 90))
def test_no_word_of_a_thought_is_lost(text: str, width: int) -> None:
    """The lines joined have the words of the text, and none is too wide."""
    shown = lines(PlainText(text), width)
    assert "".join("".join(shown).split()) == "".join(text.split())
    assert all(len(line) <= width for line in shown)


@pytest.mark.parametrize(
    ("opening", "closing"),
    [("\\[", "\\]"), ("$$", "$$"), ("\\begin{align*}", "\\end{align*}")],
)
def test_a_formula_of_several_lines_becomes_readable(opening: str, closing: str) -> None:
    """Though its lines come one by one."""
    growing = PlainText()
    for piece in ["So\n", f"{opening}\n", "x^2\n", f"{closing}\n", "and on\n", "and on"]:
        growing.append(piece)
        growing.draw(40)
    assert lines(growing, 40) == ["So", "x²", "and on", "and on"]


@given(st.text())
def test_nothing_controls_the_terminal(text: str) -> None:
    """Control characters are signs, one for one, whatever kind of text they are in."""
    harmless = visible(text)
    assert len(harmless) == len(text)
    assert all(unicodedata.category(sign) != "Cc" for sign in harmless if sign not in "\t\n")
    document, thought = Document(f"a {text}\n\n```\n{text}", complete=True), PlainText(text)
    document.draw(40)
    thought.draw(40)
    shown = "".join(line.plain for line in [*document.lines, *thought.lines])
    assert all(unicodedata.category(sign) != "Cc" for sign in shown if sign != "\t")


def test_a_thought_is_measured_as_far_as_it_was() -> None:
    """Other programs' conversations may say how long it took, or nothing."""
    assert measured(Measures(thought_seconds=42.3, thought_tokens=1310)) == (
        "Thought for 42 s, 1,310 tokens"
    )
    assert measured(Measures(thought_seconds=3)) == "Thought for 3.0 s"
    assert measured(Measures(thought_tokens=1)) == "Thought, 1 token"
    assert measured(Measures()) == "Thought"


def test_durations_and_counts_read_well() -> None:
    """Tenths of the first seconds, minutes from sixty on, one token alone."""
    assert [seconds(s) for s in (0, 2.14, 9.96, 42.4, 59.6, 72)] == [
        "<0.1 s",
        "2.1 s",
        "10 s",
        "42 s",
        "1 min 00 s",
        "1 min 12 s",
    ]
    assert [count(n) for n in (0, 1, 1310)] == ["0 tokens", "1 token", "1,310 tokens"]
