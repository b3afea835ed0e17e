"""A short soak: a few hundred random requests to a server process with a small context."""

from pathlib import Path

from bench.soaking.run import soak


def test_random_requests_leave_the_server_as_it_was(demo_gguf: Path) -> None:
    """It lives, gives everybody an answer of their own, leaks nothing, and ends in time."""
    outcome = soak(demo_gguf, requests=300, seed=1, candidates=10, on_progress=lambda _: None)
    assert outcome.ledger.failures == []
    notes = outcome.ledger.notes
    assert notes["sums answered"] > 0
    assert notes["refused as too many"] > 0
