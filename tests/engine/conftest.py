"""The demo model, loaded once for all tests of the engine."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from localqwq.engine.engine import Engine
from localqwq.engine.load_options import LoadOptions


@pytest.fixture(scope="session")
def engine(demo_gguf: Path) -> Iterator[Engine]:
    """The demo model with a context of 1024 tokens, of which at most 32 are decoded at once."""
    with Engine.load(demo_gguf, LoadOptions(context=1024, threads=1, batch=32)) as engine:
        yield engine
