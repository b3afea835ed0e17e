"""A few kills of processes that write; `bench/kills.py` does hundreds."""

import sys
from pathlib import Path

import pytest

from bench.killing.run import kill_writers


def test_nothing_that_was_stored_is_lost(tmp_path: Path) -> None:
    """Two writers on one store, killed in turn: it opens each time, and holds what was promised."""
    outcome = kill_writers(tmp_path, 5, 1, 0.1, 1.0, lambda _: None)
    assert outcome.kills == 5


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux bounds the files of a process")
def test_a_full_disk_costs_no_word_of_whoever_leaves(tmp_path: Path) -> None:
    """Half of them are killed, and half leave; all that these had is in the store or beside it."""
    outcome = kill_writers(tmp_path, 8, 2, 0.1, 1.0, lambda _: None, fill_disk=True)
    assert outcome.kills + outcome.left == 8
    assert outcome.kills > 0
    assert outcome.left > 0
