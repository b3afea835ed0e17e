"""A short random walk through the real app; `bench/walk.py` goes on for as long as one likes."""

import sys
from pathlib import Path

import pytest

from bench.walk import walk

STEPS = 2000
SECONDS = 30.0
"""A slow machine does not go all of them."""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux bounds the files of a process")
def test_no_word_is_lost_on_the_way(tmp_path: Path) -> None:
    """Keys, pastes, windows, signals and failing writes; the terminal is given back each time."""
    outcome = walk(tmp_path, STEPS, 1, SECONDS)
    assert outcome.lives > 0
    assert outcome.words > 50
    assert outcome.answers > 3
