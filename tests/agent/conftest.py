"""Fixtures of tests that attack sandboxes."""

from collections.abc import Iterator

import pytest

from tests.agent.targets import Target, attacked


@pytest.fixture
def target() -> Iterator[Target]:
    """What is attacked; its processes end with the test."""
    with attacked() as found:
        yield found
