"""The machine stays awake while something goes on."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from localqwq.hardware.awake import Awake
from tests.inhibiting import holders, put_on_path

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the tool is a shell script here")


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the tool notes that it was called."""
    return put_on_path(tmp_path, monkeypatch)


def until(condition: Callable[[], bool]) -> None:
    """Waits for something that another thread or process does."""
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("platform", "told"),
    [
        ("linux", "--what=sleep:idle --who=localqwq --mode=block --why=An answer is written cat"),
        ("darwin", "-i cat"),
    ],
)
def test_the_lock_is_held_while_there_is_work(log: Path, platform: str, told: str) -> None:
    """By one process for all work, which goes with the last of it."""
    awake = Awake(lambda: True, patience=0, platform=platform)
    with awake.during("An answer is written"):
        until(log.exists)
        with awake.during("A model is downloaded"):
            until(lambda: len(holders()) == 1)
    until(lambda: not holders())
    assert log.read_text() == f"{told}\n"
    with awake.during("An answer is written"):
        until(lambda: len(log.read_text().splitlines()) == 2)
    until(lambda: not holders())


def test_short_work_needs_no_lock(log: Path) -> None:
    """Nor does work of somebody who does not want it."""
    with Awake(lambda: True, patience=60, platform="linux").during("An answer is written"):
        time.sleep(0.1)
    with Awake(lambda: False, patience=0, platform="linux").during("An answer is written"):
        time.sleep(0.1)
    assert not log.exists()


def test_no_tool_is_no_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither is one that cannot be run, nor a system without any."""
    (tmp_path / "systemd-inhibit").write_text("")
    for path, platform in (("", "linux"), (str(tmp_path), "linux"), ("", "win32")):
        monkeypatch.setenv("PATH", path)
        with Awake(lambda: True, patience=0, platform=platform).during("An answer is written"):
            time.sleep(0.05)


@pytest.mark.usefixtures("log")
def test_the_lock_goes_with_a_process_that_is_killed(tmp_path: Path) -> None:
    """It is held by the tool's input, which the system closes."""
    code = (
        "from localqwq.hardware.awake import Awake\n"
        "import time\n"
        "with Awake(lambda: True, 0, 'linux').during('x'): time.sleep(60)"
    )
    worker = subprocess.Popen([sys.executable, "-c", code])
    until(lambda: any(one.name() == "cat" for one in psutil.Process(worker.pid).children()))
    [held] = psutil.Process(worker.pid).children()
    worker.kill()
    worker.wait()
    held.wait(20)
