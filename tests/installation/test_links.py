"""`make link` and `make unlink` touch nothing that is somebody else's."""

from pathlib import Path

import pytest

from localqwq.errors import LocalqwqError
from localqwq.installation.links import link, unlink


def test_there_and_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A link, again and again; the sentence says what PATH lacks."""
    program, folder = tmp_path / "venv" / "localqwq", tmp_path / "bin"
    monkeypatch.setenv("PATH", "/usr/bin")
    assert f'export PATH="{folder}:$PATH"' in link(program, folder)
    monkeypatch.setenv("PATH", f"/usr/bin:{folder}")
    assert link(program, folder) == "localqwq is a command now."
    assert (folder / "localqwq").readlink() == program
    assert "is removed" in unlink(program, folder)
    assert not (folder / "localqwq").is_symlink()
    assert "nothing was removed" in unlink(program, folder)


def test_a_stranger_stays(tmp_path: Path) -> None:
    """Another program of that name is neither replaced nor removed."""
    (tmp_path / "localqwq").write_text("mine")
    with pytest.raises(LocalqwqError, match="already exists"):
        link(tmp_path / "venv" / "localqwq", tmp_path)
    unlink(tmp_path / "venv" / "localqwq", tmp_path)
    assert (tmp_path / "localqwq").read_text() == "mine"
    with pytest.raises(LocalqwqError, match="Not a directory"):
        link(tmp_path / "venv" / "localqwq", tmp_path / "localqwq" / "bin")
