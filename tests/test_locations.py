"""Where things are kept, also for users without a home and where folders cannot be made."""

import os
import pwd
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from localqwq import locations
from localqwq.errors import LocalqwqError


@pytest.fixture
def homeless(monkeypatch: pytest.MonkeyPatch) -> None:
    """A user that is a number and nothing else, as in many containers."""

    def nobody(number: int) -> None:
        raise KeyError(number)

    monkeypatch.setattr(pwd, "getpwuid", nobody)
    names = ("HOME", "LOCALQWQ_DATA_DIR", "LOCALQWQ_CONFIG_DIR", "LOCALQWQ_CACHE_DIR")
    xdg = ("XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME")
    for name in (*names, *xdg):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def temporary(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """The system's folder for temporary files."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    locations._temporary_cache.cache_clear()
    yield folder
    locations._temporary_cache.cache_clear()


@pytest.fixture
def blocked(tmp_path: Path) -> Path:
    """A folder that nobody can make: a file is in its way."""
    (tmp_path / "file").touch()
    return tmp_path / "file" / "folder"


@pytest.mark.usefixtures("homeless")
def test_without_a_home_there_is_a_sentence(
    tmp_path: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says what to set; with that, nothing else is needed."""
    monkeypatch.chdir(tmp_path)
    for place in (locations.data_directory, locations.config_directory, locations.packs_directory):
        with pytest.raises(LocalqwqError, match=r"HOME.*LOCALQWQ_DATA_DIR"):
            place()
    assert locations.cache_directory().parent == temporary
    assert locations.home_directory() is None
    monkeypatch.setenv("LOCALQWQ_DATA_DIR", "~/data")
    with pytest.raises(LocalqwqError, match="HOME"):
        locations.data_directory()
    monkeypatch.setenv("LOCALQWQ_DATA_DIR", str(tmp_path / "data"))
    assert locations.data_directory() == tmp_path / "data"
    assert locations.settings_file().parent == tmp_path / "data" / "config"
    assert not (tmp_path / "~").exists()


def test_a_tilde_that_means_nobody_stays() -> None:
    """The file is not found then, which is a sentence."""
    assert locations.expanded("~nobody-of-this-name/x") == Path("~nobody-of-this-name/x")
    assert locations.expanded("~/x") == Path.home() / "x"


def test_a_cache_that_cannot_be_made_is_replaced(
    blocked: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a private one, which may be in main memory, so that no gigabytes go there."""
    monkeypatch.setenv("LOCALQWQ_CACHE_DIR", str(blocked))
    first = locations.cache_directory()
    assert first.parent == temporary
    assert first.stat().st_mode & 0o77 == 0
    assert locations.cache_directory() == first
    assert locations.states_directory() is None
    monkeypatch.setenv("LOCALQWQ_CACHE_DIR", str(temporary / "cache"))
    assert locations.states_directory() == temporary / "cache" / "states"


def test_a_strangers_folder_is_not_used(
    blocked: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others could read what is put there, or put something else there."""
    monkeypatch.setenv("LOCALQWQ_CACHE_DIR", str(blocked))
    name = locations.cache_directory()
    name.chmod(0o777)
    locations._temporary_cache.cache_clear()
    assert locations.cache_directory() != name
    name.rmdir()
    name.symlink_to(temporary.parent)
    locations._temporary_cache.cache_clear()
    other = locations.cache_directory()
    assert other not in (name, temporary.parent)
    assert other.parent == temporary


def test_another_users_server_is_none(
    temporary: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither a socket of another user, nor a runtime directory whose name `su` has kept."""
    monkeypatch.setenv("LOCALQWQ_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    path = locations.server_socket()
    assert path.parent == tmp_path / "localqwq"
    assert locations.running_socket() is None
    path.parent.mkdir()
    with socket.socket(socket.AF_UNIX) as listener:
        monkeypatch.chdir(path.parent)  # the whole path may be too long for a socket
        listener.bind(path.name)
        assert locations.running_socket() == path
        user = os.getuid()
        monkeypatch.setattr(os, "getuid", lambda: user + 1)
        assert not locations.is_own_socket(path)
        assert locations.server_socket().parent.parent == temporary
        assert locations.running_socket() is None


def test_data_that_cannot_be_kept_is_a_sentence(
    blocked: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the variable that helps; settings need no folder as long as they are only read."""
    monkeypatch.setenv("LOCALQWQ_DATA_DIR", str(blocked))
    with pytest.raises(LocalqwqError, match=r"cannot be created.*LOCALQWQ_DATA_DIR"):
        locations.data_directory()
    monkeypatch.setenv("LOCALQWQ_CONFIG_DIR", str(blocked))
    assert locations.settings_file() == blocked / "settings.toml"


def test_a_question_is_answered_without_cache_and_settings(
    blocked: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a real engine, whose log goes elsewhere."""
    monkeypatch.setenv("LOCALQWQ_CACHE_DIR", str(blocked))
    monkeypatch.setenv("LOCALQWQ_CONFIG_DIR", str(blocked))
    command = [sys.executable, "-m", "localqwq", "ask", "-m", "demo", "What is 2 + 3?"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert "5" in done.stdout
