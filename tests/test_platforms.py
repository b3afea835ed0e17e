"""Which systems are supported is said in one sentence, before anything fails."""

import os

import pytest

from localqwq.cli import main as entrance
from localqwq.platforms import unsupported


@pytest.mark.parametrize(
    ("platform", "words"),
    [("linux", ""), ("darwin", ""), ("win32", "install WSL"), ("freebsd14", "never been tried")],
)
def test_systems(platform: str, words: str) -> None:
    """Linux and macOS are; Windows is by WSL."""
    assert words in unsupported(platform)
    assert bool(unsupported(platform)) == bool(words)


def test_windows_is_told_at_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A sentence, before a module is imported that is not there."""
    monkeypatch.setattr(entrance, "unsupported", lambda: unsupported("win32"))
    monkeypatch.setattr(os, "name", "nt")
    assert entrance.main(["doctor"]) == 1
    assert "install WSL" in capsys.readouterr().err
