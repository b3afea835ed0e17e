"""Files that a prompt names."""

from pathlib import Path

import pytest

from localqwq.documents.mentions import Mentions, mentions


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with some files in it."""
    for name in ("notes.txt", "two words.md", "Makefile"):
        (tmp_path / name).write_text("x")
    return tmp_path


@pytest.mark.parametrize(
    ("text", "files", "missing"),
    [
        ("Sum up @notes.txt.", ("notes.txt",), ()),
        ('Compare @notes.txt and (@"two words.md")!', ("notes.txt", "two words.md"), ()),
        ("@Makefile @Makefile", ("Makefile",), ()),
        ("Is @nosuch.txt, or @./none there?", (), ("nosuch.txt", "./none")),
        ('@"no such file"', (), ("no such file",)),
        ("Ask @alice, or me@example.org; @ noon", (), ()),
        ("@property in Python", (), ()),
        ("@app.route('/') it says", (), ()),
        ("@pytest.fixture\ndef home():", (), ()),
        ("@notes.txt\nis a file", ("notes.txt",), ()),
    ],
)
def test_mentions(
    folder: Path, text: str, files: tuple[str, ...], missing: tuple[str, ...]
) -> None:
    """An @ before a word that looks like no file is a person's, or Python's."""
    assert mentions(text, folder) == Mentions(tuple(folder / name for name in files), missing)
