"""What typed lines mean."""

from hypothesis import given
from hypothesis import strategies as st

from localqwq.tui.plain.typing import Call, Typing, Words

KNOWN = ("new", "help", "edit")


def test_a_line_is_a_prompt_or_a_command() -> None:
    """A command that is not known is one as well where it stands alone; a path is none."""
    typing = Typing(KNOWN)
    assert typing.take(["What is this?"]) == [Words("What is this?")]
    assert typing.take(["/edit Another prompt"]) == [Call("edit", "Another prompt")]
    assert typing.take(["/hlep"]) == [Call("hlep")]
    assert typing.take([" /help is a word"]) == [Words("/help is a word")]
    assert typing.take(["/etc/hosts is a file"]) == [Words("/etc/hosts is a file")]
    assert typing.take(["  "]) == []


def test_lines_that_come_together_are_one_prompt() -> None:
    """Save commands among them, which keep their place."""
    typing = Typing(KNOWN)
    assert typing.take(["A log:", "", "/var broke", "  there"]) == [
        Words("A log:\n\n/var broke\n  there", 4)
    ]
    assert typing.take(["one", "/new", "two", "three"]) == [
        Words("one"),
        Call("new"),
        Words("two\nthree", 2),
    ]


def test_quotes_hold_lines_together() -> None:
    """Whenever they come, commands too, until the quotes end."""
    typing = Typing(KNOWN)
    assert typing.take(['"""first']) == []
    assert typing.is_quoted
    assert typing.take([""]) == []
    assert typing.take(["/new"]) == []
    assert typing.take(['last"""', "/help"]) == [Words("first\n\n/new\nlast", 4), Call("help")]
    assert typing.take(['"""in one line"""']) == [Words("in one line")]
    typing.take(['"""'])
    typing.unquote()
    assert typing.take(["free"]) == [Words("free")]


@given(st.lists(st.text(st.sampled_from('ab /"\\'), max_size=8), max_size=8))
def test_no_word_is_lost(lines: list[str]) -> None:
    """Everything that was typed comes back, quotes aside."""
    typing = Typing(KNOWN)
    found = [*typing.take(lines), *typing.take(['"""'] if typing.is_quoted else [])]
    back = [
        f"/{one.command} {one.argument}" if isinstance(one, Call) else one.text for one in found
    ]
    assert " ".join(back).replace('"', "").split() == " ".join(lines).replace('"', "").split()
