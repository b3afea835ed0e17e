"""Whether the process that wrote a turn still lives."""

import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from localqwq.conversations.writer import is_alive, this_process

NAME = "from localqwq.conversations.writer import this_process; print(this_process())"


@pytest.fixture(params=["a whole /proc", "none of it"])
def proc(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """What there is of ``/proc``: sandboxes leave parts of it out."""
    if request.param == "none of it":
        monkeypatch.setattr(psutil, "PROCFS_PATH", str(tmp_path))
    return str(request.param)


def test_a_process_lives_until_it_ends(proc: str) -> None:
    """This one does, and one that has ended does not, nor what is no process at all."""
    me = this_process()
    assert is_alive(me)
    child = subprocess.run([sys.executable, "-c", NAME], capture_output=True, text=True, check=True)
    number = child.stdout.split()[0]
    for name in (child.stdout.strip(), f"{number} ?", f"{number} 0.00"):
        assert not is_alive(name)
    for name in ("", "?", "0 ?", "-1 ?", "words 1.0", f"{10**30} ?", f"{10**30} 1.0", "1"):
        assert not is_alive(name)
    if proc == "a whole /proc":
        pid = me.split()[0]
        assert not is_alive(f"{pid} 0.00"), "its number was used again"
