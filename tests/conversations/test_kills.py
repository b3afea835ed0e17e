"""A few kills of processes that write; `bench/kills.py` does hundreds."""

from pathlib import Path

from bench.killing.run import kill_writers


def test_nothing_that_was_stored_is_lost(tmp_path: Path) -> None:
    """Two writers on one store, killed in turn: it opens each time, and holds what was promised."""
    outcome = kill_writers(tmp_path, 5, 1, 0.1, 1.0, lambda _: None)
    assert outcome.kills == 5
