"""What is synced is on the disk, also where fsync does not say so."""

import ast
import fcntl
import os
from pathlib import Path

import pytest

from localqwq.conversations.store import Store
from localqwq.durable import sync, write_past_cache
from localqwq.packs.download.direct_file import Output
from tests.test_floors import ROOT, files

FULL, PAST = 51, 48
"""F_FULLFSYNC and F_NOCACHE of macOS."""


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """What the system is asked for, were it macOS."""
    asked: list[tuple[int, ...]] = []

    def control(descriptor: int, command: int, argument: int = 0) -> int:
        os.fstat(descriptor)
        asked.append((command, argument))
        return 0

    monkeypatch.setattr(fcntl, "F_FULLFSYNC", FULL, raising=False)
    monkeypatch.setattr(fcntl, "F_NOCACHE", PAST, raising=False)
    monkeypatch.setattr(fcntl, "fcntl", control)
    return asked


def test_the_drive_is_waited_for(tmp_path: Path, calls: list[tuple[int, ...]]) -> None:
    """By the call that macOS has for it; a closed file is an error as before."""
    with (tmp_path / "file").open("w") as file:
        sync(file.fileno())
    assert calls == [(FULL, 0)]
    with pytest.raises(OSError, match="Bad file"):
        sync(file.fileno() if not file.closed else 999)


def test_a_file_system_that_does_not_know_it(
    tmp_path: Path, calls: list[tuple[int, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """fsync has to do."""

    def refuse(*_: object) -> int:
        raise OSError(45, "Operation not supported")

    synced: list[int] = []
    monkeypatch.setattr(fcntl, "fcntl", refuse)
    monkeypatch.setattr(os, "fsync", synced.append)
    with (tmp_path / "file").open("w") as file:
        sync(file.fileno())
        write_past_cache(file.fileno())
        assert synced == [file.fileno()]


def test_downloads_go_past_the_cache(tmp_path: Path, calls: list[tuple[int, ...]]) -> None:
    """Where there is no O_DIRECT, by the call that macOS has."""
    with Output(tmp_path / "model") as output:
        output.write(b"GGUF", 0)
        output.sync()
    assert calls == [(PAST, 1), (FULL, 0)]


def test_sqlite_waits_for_the_drive_too(tmp_path: Path) -> None:
    """For commits and for checkpoints."""
    with Store(tmp_path / "conversations.db") as store:
        for pragma in ("fullfsync", "checkpoint_fullfsync"):
            assert store._file.connection.execute(f"PRAGMA {pragma}").fetchone()[0] == 1


def test_nobody_syncs_in_another_way() -> None:
    """There is one function for it."""
    for path in files("localqwq") + files("convert"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        used = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        if path != ROOT / "localqwq" / "durable.py":
            assert not used & {"fsync", "fdatasync"}, path
