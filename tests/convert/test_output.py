"""Files appear whole or not at all."""

import hashlib
from pathlib import Path

import pytest

from localqwq.errors import LocalqwqError
from localqwq_convert.output import PartialFile


def test_a_committed_file_has_its_name_and_content(tmp_path: Path) -> None:
    """Nothing is under the name before, everything after, and the hash is the content's."""
    path = tmp_path / "file.gguf"
    with PartialFile(path) as partial:
        partial.write(b"one ")
        partial.write(memoryview(b"two"))
        assert [file.name for file in tmp_path.iterdir()] == [".file.gguf.partial"]
        partial.flush()
        partial.commit()
        assert partial.sha256 == hashlib.sha256(b"one two").hexdigest()
    assert path.read_bytes() == b"one two"
    assert [file.name for file in tmp_path.iterdir()] == ["file.gguf"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_failure_leaves_what_was_there(tmp_path: Path, error: type[BaseException]) -> None:
    """The old file stays, the partial one goes."""
    path = tmp_path / "file.gguf"
    path.write_bytes(b"old")
    with pytest.raises(error), PartialFile(path) as partial:
        partial.write(b"new")
        raise error
    assert path.read_bytes() == b"old"
    assert [file.name for file in tmp_path.iterdir()] == ["file.gguf"]


def test_two_writers_of_one_file(tmp_path: Path) -> None:
    """The second is told to wait, and the first is not disturbed."""
    path = tmp_path / "file.gguf"
    with PartialFile(path) as first:
        first.write(b"first")
        with pytest.raises(LocalqwqError, match="Another process is writing"), PartialFile(path):
            pass
        first.commit()
    assert path.read_bytes() == b"first"


def test_what_a_killed_process_left_is_written_over(tmp_path: Path) -> None:
    """A stale partial file is in nobody's way."""
    path = tmp_path / "file.gguf"
    path.with_name(".file.gguf.partial").write_bytes(b"a longer leftover")
    with PartialFile(path) as partial:
        partial.write(b"new")
        partial.commit()
    assert path.read_bytes() == b"new"


def test_a_directory_that_is_not_there(tmp_path: Path) -> None:
    """The system's error is a sentence."""
    with pytest.raises(LocalqwqError, match="Cannot write"), PartialFile(tmp_path / "no" / "f"):
        pass
