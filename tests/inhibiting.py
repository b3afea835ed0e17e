"""Stands for the system's tool against sleep: notes what it is told, and works like it."""

import os
from pathlib import Path

import psutil
import pytest

_TOOL = """#!/bin/sh
echo "$@" >> {log}
while [ "$#" -gt 1 ]; do shift; done
exec "$1"
"""


def holders() -> list[psutil.Process]:
    """The tools that hold the machine awake for this process."""
    return [one for one in psutil.Process().children() if _name(one) in ("cat", "sh")]


def _name(process: psutil.Process) -> str:
    """The name of a process, which may end just now."""
    try:
        return process.name()
    except psutil.NoSuchProcess:
        return ""


def put_on_path(folder: Path, patch: pytest.MonkeyPatch) -> Path:
    """Makes the tool the one that is found; the file in which it notes each call."""
    log = folder / "log"
    for name in ("systemd-inhibit", "caffeinate"):
        (folder / name).write_text(_TOOL.format(log=log))
        (folder / name).chmod(0o755)
    patch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    patch.setattr("localqwq.hardware.awake.PATIENCE_SECONDS", 0.0)
    return log
