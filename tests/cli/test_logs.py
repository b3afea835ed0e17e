"""`localqwq logs`: the last log, and where all of them are."""

import json
import os
from pathlib import Path

import pytest

from localqwq.cli.main import main
from localqwq.locations import cache_directory
from localqwq.server.supervision.log import open_log


def log(pid: int, text: str, modified: int) -> Path:
    """A log that an engine has left."""
    kept = open_log(cache_directory(), pid)
    kept.write(text.encode())
    kept.close(keep=True)
    os.utime(kept.path, (modified, modified))
    return kept.path


def test_the_last_log(capsys: pytest.CaptureFixture[str]) -> None:
    """Its text on stdout, its path on stderr, whatever its name sorts like."""
    last = log(1, "the reason\n", 2000)
    log(2, "older\n", 1000)
    assert main(["logs"]) == 0
    captured = capsys.readouterr()
    assert captured.out == "the reason\n"
    assert captured.err == f"{last}:\n"


def test_all_logs(capsys: pytest.CaptureFixture[str]) -> None:
    """The newest first, for people and for scripts."""
    old, new = log(1, "old", 1000), log(2, "newer", 2000)
    assert main(["logs", "--list"]) == 0
    assert [line.split()[-1] for line in capsys.readouterr().out.splitlines()] == [
        str(new),
        str(old),
    ]
    assert main(["logs", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "directory": str(cache_directory()),
        "logs": [
            {"path": str(new), "bytes": 5, "modified": 2000},
            {"path": str(old), "bytes": 3, "modified": 1000},
        ],
    }


def test_no_logs(capsys: pytest.CaptureFixture[str]) -> None:
    """It says where they would be."""
    assert main(["logs"]) == 0
    captured = capsys.readouterr()
    assert captured.out == ""
    assert str(cache_directory()) in captured.err
