"""Growing text becomes whole lines."""

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from localqwq.tui.plain.wrapping import Wrapping

TEXTS = st.text(st.sampled_from("ab ` \n漢é"), max_size=120)


def wrapped(pieces: list[str], width: int) -> list[str]:
    """The lines of a text that came in these pieces."""
    wrapping = Wrapping(width)
    return [line for piece in pieces for line in wrapping.feed(piece)] + wrapping.end()


@given(TEXTS, st.integers(1, 20))
def test_words_stay_and_lines_fit(text: str, width: int) -> None:
    """No word is lost or changed, and only one word alone may be wider than a line."""
    lines = wrapped([text], width)
    assert " ".join(lines).split() == text.split()
    if "```" not in text:
        assert all(cell_len(line) <= width or " " not in line.strip() for line in lines)


@given(TEXTS, st.integers(1, 20), st.data())
def test_lines_do_not_depend_on_how_the_text_came(
    text: str, width: int, data: st.DataObject
) -> None:
    """Letter by letter or at once."""
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=10)))
    pieces = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    assert wrapped(pieces, width) == wrapped([text], width)


def test_lines_come_as_soon_as_they_are_complete() -> None:
    """A long paragraph is not waited for."""
    wrapping = Wrapping(20)
    assert wrapping.feed("\n\nThe model thinks ") == []
    assert wrapping.feed("about it") == ["The model thinks"]
    assert wrapping.feed(" for long.\n") == ["about it for long."]
    assert wrapping.end() == []


def test_code_keeps_its_lines() -> None:
    """It would be wrong with other ones."""
    code = "```python\nprint('a very long line of code')\n```"
    assert wrapped([f"Try this:\n{code}\nDone."], 12) == ["Try this:", *code.split("\n"), "Done."]
