"""Entries for the server of the tests, as a person would write them."""

import subprocess
import sysconfig
from pathlib import Path
from typing import Any, Literal

import pytest

from localqwq.agent.mcp.entries import Entry, entry_of
from localqwq.agent.sandbox.scratch import interpreter, sandbox_user
from tests.agent.backends import working

SCRIPT = Path(__file__).with_name("mcp_server.py")
PACKAGES = sysconfig.get_path("purelib")
Era = Literal["new", "old"]


def words(transport: str, era: Era) -> list[str]:
    """The command of the server."""
    python = interpreter()
    assert python is not None
    return [*python.words, str(SCRIPT), PACKAGES, transport, era]


def stdio_entry(era: Era = "new", name: str = "everything", **more: Any) -> Entry:
    """A server that runs here, in the sandbox."""
    command, *arguments = words("stdio", era)
    python = interpreter()
    assert python is not None
    folders = [PACKAGES, str(SCRIPT.parent), *map(str, python.folders)]
    values = {"command": command, "args": arguments, "folders": folders, **more}
    entry = entry_of(name, values)
    assert not entry.problem
    return entry


def needs_servers() -> pytest.MarkDecorator:
    """A mark for tests that start the server here: the sandbox's Python must find the SDK.

    Root's programs run as a user who may not enter every folder, with the system's Python.
    """
    python = interpreter()
    ran = None
    if python is not None:
        code = f"import sys; sys.path.insert(0, {PACKAGES!r}); import mcp_types"
        ran = subprocess.run(
            [*python.words, "-c", code], user=sandbox_user(), capture_output=True, check=False
        )
    is_possible = ran is not None and ran.returncode == 0 and bool(working())
    return pytest.mark.skipif(not is_possible, reason="the sandbox has no Python with the SDK")
