"""Locks of files, where there are some, and where there are none."""

import fcntl
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from localqwq.errors import LocalqwqError
from localqwq.locks import check_locks, lock, try_lock
from localqwq.packs.store.lock import locked, take
from tests.without_locks import AVAILABLE

ROOT = Path(__file__).parent.parent
WITHOUT = [sys.executable, str(ROOT / "tests" / "without_locks.py"), sys.executable]
LONGER_THAN_WITH_LOCKS = 6.0
"""Seconds by which it may take longer than with locks; SQLite alone takes ten to find out."""


def test_a_lock_is_held_by_one(tmp_path: Path) -> None:
    """Others are told at once, or wait until it is let go."""
    check_locks(tmp_path)
    first = take(tmp_path)
    assert first is not None
    assert take(tmp_path) is None
    second = os.open(tmp_path, os.O_RDONLY)
    assert not try_lock(second, tmp_path)
    waiter = threading.Thread(target=lock, args=(second, tmp_path))
    waiter.start()
    time.sleep(0.1)
    assert waiter.is_alive()
    os.close(first)
    waiter.join(10)
    assert not waiter.is_alive()
    os.close(second)
    with locked(tmp_path):
        assert take(tmp_path) is None


def _timed(command: list[str]) -> tuple[float, subprocess.CompletedProcess[str]]:
    # What measures coverage keeps its figures in SQLite, which waits for locks.
    environment = {name: it for name, it in os.environ.items() if "COVERAGE" not in name}
    began = time.monotonic()
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=False, cwd=ROOT, env=environment
    )
    return time.monotonic() - began, done


@pytest.mark.skipif(not AVAILABLE, reason="needs Linux's seccomp")
@pytest.mark.parametrize(
    ("command", "way_out"),
    [
        ("-m localqwq conversations", "LOCALQWQ_DATA_DIR"),
        ("-m localqwq export 1", "LOCALQWQ_DATA_DIR"),
        ("-m localqwq models add {model}", "LOCALQWQ_DATA_DIR"),
        ("-m localqwq convert {checkpoint} -o {empty} --quant Q8_0", "choose a directory"),
    ],
)
def test_no_locks_are_a_sentence(
    demo_gguf: Path, tmp_path: Path, command: str, way_out: str
) -> None:
    """At once, with the way out; nothing waits for a lock that nobody will ever get."""
    checkpoint = ROOT / "models" / "demo"
    words = command.format(model=demo_gguf, checkpoint=checkpoint, empty=tmp_path).split()
    seconds, done = _timed([*WITHOUT, *words])
    usual, _ = _timed([sys.executable, *words])
    assert seconds < usual + LONGER_THAN_WITH_LOCKS
    [line] = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert done.returncode == 1
    assert "without locks" in line
    assert way_out in line


def test_a_lock_service_that_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its drive does not even say no."""
    never = threading.Event()
    for name in ("flock", "lockf"):
        monkeypatch.setattr(fcntl, name, lambda *_: never.wait())
    for act in (check_locks, take):
        with pytest.raises(LocalqwqError, match="without locks"):
            act(tmp_path)
    assert not list(tmp_path.iterdir())
    never.set()


def test_a_folder_that_takes_no_files_is_let_pass(tmp_path: Path) -> None:
    """Where nothing can be written, nothing has to be locked."""
    check_locks(tmp_path / "absent")
