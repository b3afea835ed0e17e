"""Files of lines, and programs that are killed while they write them."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localqwq.errors import LocalqwqError
from localqwq.line_file import LineFile

LINES = st.lists(st.binary(max_size=8).map(lambda line: line.replace(b"\n", b"\r")), max_size=5)


@given(lines=LINES, torn=LINES, keep=st.integers(0, 6))
def test_what_was_torn_is_dropped(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes], torn: list[bytes], keep: int
) -> None:
    """Whole lines stay; reading changes nothing; the next line stands on a line of its own."""
    path = tmp_path_factory.mktemp("lines") / "folder" / "file"
    path.parent.mkdir()
    content = b"".join(line + b"\n" for line in lines) + b"".join(torn)
    path.write_bytes(content)
    found = LineFile(path)
    assert found.lines == lines
    found.keep(keep)
    assert path.read_bytes() == content
    found.add(b"new")
    assert found.lines == [*lines[:keep], b"new"]
    assert LineFile(path).lines == found.lines


def test_two_that_write_one_file(tmp_path: Path) -> None:
    """Neither removes what the other has added."""
    path = tmp_path / "new" / "file"
    one, other = LineFile(path), LineFile(path)
    one.add(b"1")
    other.add(b"2")
    one.add(b"3")
    assert LineFile(path).lines == [b"1", b"2", b"3"]


def test_what_cannot_be_read_or_written(tmp_path: Path) -> None:
    """The sentence names the file."""
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(LocalqwqError, match=f"{tmp_path} cannot be read"):
        LineFile(tmp_path)
    with pytest.raises(LocalqwqError, match="below cannot be written"):
        LineFile(tmp_path / "file" / "below").add(b"1")
