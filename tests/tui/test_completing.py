"""What the prompt proposes: pure, but for the listing of a directory."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localqwq.tui.completing import call, commands, files, partial

KNOWN = (("theme", "Change the colours."), ("thoughts", "Shows thoughts."), ("new", "Begins."))


@pytest.mark.parametrize(
    ("before", "word", "start"),
    [
        ("@", "", 0),
        ("see @no", "no", 4),
        ("(@src/a.py", "src/a.py", 1),
        ('look at @"my fi', "my fi", 8),
    ],
)
def test_a_file_is_begun_by_an_at_sign(before: str, word: str, start: int) -> None:
    """At the line's start, after a space or a bracket; names with spaces are quoted."""
    found = partial(before, first=False)
    assert found is not None
    assert (found.kind, found.word, found.start) == ("file", word, start)


@pytest.mark.parametrize("before", ["me@example", "@notes.txt and", "", "a / b", "/home/x"])
def test_other_text_begins_nothing(before: str) -> None:
    """Addresses, sentences after a mention and paths are left alone."""
    assert partial(before, first=True) is None


def test_commands_are_typed_at_the_very_beginning() -> None:
    """Not in later lines, where a slash is just a slash."""
    found = partial("/th", first=True)
    assert found is not None
    assert [proposal.label for proposal in commands(found.word, KNOWN)] == ["/theme", "/thoughts"]
    assert partial("/th", first=False) is None


def test_a_whole_command_goes_before_longer_ones() -> None:
    """What is typed to its end is what is meant."""
    known = [("newer", "Later"), ("renew", "Again"), ("new", "New")]
    labels = [proposal.label for proposal in commands("new", known)]
    assert labels == ["/new", "/newer", "/renew"]


def test_a_call_has_an_argument() -> None:
    """Paths and indented text are no calls."""
    assert call("/theme dark ") == ("theme", "dark")
    assert call("/new") == ("new", "")
    assert call("/etc/hosts") is None
    assert call(" /new") is None


@given(st.text(max_size=60), st.booleans())
def test_any_text_is_harmless(text: str, first: bool) -> None:
    """A partial word is what the text ends with."""
    found = partial(text, first=first)
    call(text)
    if found is not None:
        assert found.word in text[found.start :]


def test_files_of_the_folder_that_is_named(tmp_path: Path) -> None:
    """Folders first, hidden ones only if asked for; names with spaces are quoted."""
    (tmp_path / "notes").mkdir()
    for name in ("notes.txt", "Notes 2.txt", ".netrc", "other.md"):
        (tmp_path / name).write_text("x")
    (tmp_path / "notes" / "deep.txt").write_text("x")
    assert [proposal.text for proposal in files("no", tmp_path)] == [
        "@notes/",
        '@"Notes 2.txt" ',
        "@notes.txt ",
    ]
    assert [proposal.label for proposal in files(".", tmp_path)] == [".netrc"]
    (deep,) = files("notes/", tmp_path)
    assert deep.path is not None
    assert (tmp_path / deep.path).samefile(tmp_path / "notes" / "deep.txt")
    assert files("nowhere/", tmp_path) == []
    assert files(f"{tmp_path}/oth", Path())[0].path == tmp_path / "other.md"
