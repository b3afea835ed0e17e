"""Logs of children stay small."""

import resource
from pathlib import Path

from localqwq.server.supervision.log import BoundedLog, open_log


def test_a_full_log_begins_anew(tmp_path: Path) -> None:
    """The newest bytes are in one file, those before them in another, and no others."""
    log = BoundedLog(tmp_path / "a.log", limit=10)
    for number in range(10):
        log.write(b"%d......\n" % number)
    log.close(keep=True)
    assert {path.name for path in tmp_path.iterdir()} == {"a.log", "a.log.old"}
    assert all(path.stat().st_size <= 10 for path in tmp_path.iterdir())
    assert (tmp_path / "a.log").read_bytes().endswith(b"9......\n")


def test_a_log_that_nobody_needs_goes(tmp_path: Path) -> None:
    """With its older half."""
    log = BoundedLog(tmp_path / "a.log", limit=4)
    log.write(b"abc")
    log.write(b"def")
    log.close(keep=False)
    assert list(tmp_path.iterdir()) == []


def test_only_some_old_logs_are_kept(tmp_path: Path) -> None:
    """However often an engine crashes."""
    for pid in range(100):
        open_log(tmp_path, pid).close(keep=True)
    assert len(list(tmp_path.iterdir())) < 20


def test_a_disk_that_takes_nothing_costs_only_the_log(tmp_path: Path) -> None:
    """Neither a folder that is not there nor a full disk is told to whoever writes."""
    log = BoundedLog(tmp_path / "gone" / "a.log")
    log.write(b"nowhere")
    (tmp_path / "gone").mkdir()
    log.write(b"somewhere")
    assert log.path.read_bytes() == b"somewhere"
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (12, before[1]))
    try:
        log.write(b" for a while")
        log.write(b" lost")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    log.write(b" and on")
    assert log.path.read_bytes() == b"somewhere fo and on"
    log.close(keep=False)
    assert not log.path.exists()
