"""What the mouse has selected is copied as it was written, without the breaks of the screen."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.content import Content
from textual.geometry import Offset
from textual.selection import SELECT_ALL, Selection

from localqwq.tui.text.copied import selected, wrapped
from localqwq.tui.text.markdown.document import Document
from localqwq.tui.widgets.transcript.plain import PlainText


def lines_of(source: str, width: int = 30) -> list[Content]:
    """The lines of an answer."""
    document = Document(source, complete=True)
    document.draw(width)
    return document.lines


def from_to(lines: list[Content], first: str, last: str) -> str:
    """What is copied from one text on the screen to the end of another one."""
    start = next(
        Offset(line.plain.find(first), y) for y, line in enumerate(lines) if first in line.plain
    )
    end = next(
        Offset(line.plain.find(last) + len(last), y)
        for y, line in enumerate(lines)
        if last in line.plain
    )
    return selected(lines, Selection(start, end))


@given(st.text(alphabet="ab cd\n", max_size=200), st.integers(5, 40))
def test_soft_breaks_are_joined_and_hard_ones_stay(text: str, width: int) -> None:
    """Whatever the width is; only blanks at the ends of lines are not kept."""
    lines = wrapped(Content(text), width)
    copied = selected(lines, SELECT_ALL)
    assert [line.rstrip() for line in copied.split("\n")] == [
        line.rstrip() for line in text.split("\n")
    ]


def test_paragraphs_and_lists_are_lines() -> None:
    """Without the blanks that continued lines begin with."""
    source = (
        "One sentence that is longer than the screen.\n\n"
        "- an item that is longer than it, too\n- short\n\n> a quote that goes on and on and on"
    )
    assert selected(lines_of(source), SELECT_ALL) == (
        "One sentence that is longer than the screen.\n\n"
        " • an item that is longer than it, too\n • short\n\n▌ a quote that goes on and on and on"
    )


def test_formulas_are_copied_as_tex() -> None:
    """In a sentence, also where they are broken, and by themselves; all if any is selected."""
    sentence = "So $x^2$ and \\(\\frac{a+b}{2} + \\frac{c + d}{3}\\) hold."
    source = f"{sentence}\n\n\\[ y = \\frac{{a+b}}{{2}} \\].\n\nOn."
    lines = lines_of(source, 20)
    assert selected(lines, SELECT_ALL) == source
    assert from_to(lines, "x²", "and") == "$x^2$ and"
    assert from_to(lines, "²", "²") == "$x^2$"
    assert from_to(lines, "───", "───") == "\\[ y = \\frac{a+b}{2} \\]."


def test_equal_formulas_are_copied_each() -> None:
    """Beside each other, and at both sides of a break."""
    for width in range(8, 30):
        assert selected(lines_of("A $x$ $x$ $x$ $x$ b", width), SELECT_ALL) == "A $x$ $x$ $x$ $x$ b"


def test_code_is_copied_as_it_is_written() -> None:
    """With its tabs, without the name of its language, and what is folded is one line."""
    code = "def f():\n\treturn 'a long string that does not fit'\n\n    # why not"
    lines = lines_of(
        f"- See:\n\n  ```python\n  {code.replace(chr(10), chr(10) + '  ')}\n  ```\n", 24
    )
    assert selected(lines, SELECT_ALL) == f" • See:\n\n{code}"
    assert from_to(lines, "def", "f()") == "def f()"
    assert from_to(lines, "return", "'a") == "return 'a"


def test_tables_are_copied_as_markdown() -> None:
    """Row by row; within one row what is selected, as it is seen."""
    rows = "| a | a text that is longer than the column |\n| b | $x^2$ |\n| b | $x^2$ |"
    table = f"| Name | What |\n|:--|--:|\n{rows}"
    lines = lines_of(table, 30)
    assert selected(lines, SELECT_ALL) == table
    assert from_to(lines, "a text", "column") == rows.split("\n")[0]
    assert from_to(lines, "Name", "Name") == "Name"
    assert from_to(lines, "What", "What") == "What"


def test_a_thought_is_copied_as_it_is_written() -> None:
    """Its formulas, too."""
    thought = PlainText("So \\(x^2 \\le 4\\), and that is why it holds.\n\nNext $\\foo{x}$.")
    thought.draw(16)
    assert selected(thought.lines, SELECT_ALL) == thought.source


@pytest.mark.parametrize(
    "selection", [Selection(Offset(2, 50), None), Selection(None, Offset(0, 0))]
)
def test_a_selection_of_nothing(selection: Selection) -> None:
    """Of lines that are gone, or before the first letter."""
    assert selected([Content("text")], selection) == ""
    assert selected([], selection) == ""
