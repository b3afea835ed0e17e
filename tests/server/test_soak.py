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


def test_random_requests_of_all_apis(demo_gguf: Path) -> None:
    """As well through the other APIs, whose streams and errors have their own forms."""
    outcome = soak(
        demo_gguf, requests=75, seed=4, candidates=6, on_progress=lambda _: None, apis=True
    )
    assert outcome.ledger.failures == []
    assert outcome.ledger.notes["sums of other APIs"] > 0
    assert {"responses", "messages", "ollama", "gone there"} <= outcome.ledger.requests.keys()
