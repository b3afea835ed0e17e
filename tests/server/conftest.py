"""Plain HTTP clients of servers that serve the demo."""

from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.servers import announced, server_command


@pytest.fixture
def http(demo_server: str) -> Iterator[httpx2.Client]:
    """A plain client of the demo server."""
    with httpx2.Client(base_url=demo_server, timeout=120, trust_env=False) as client:
        yield client


@pytest.fixture(scope="module")
def own_http(demo_gguf: Path) -> Iterator[httpx2.Client]:
    """A client of a server that this module's tests have for themselves.

    It answers two requests at once, lets three wait, has seen none, is called ``box.internal`` as
    well, and lets pages of ``https://app.example`` in.
    """
    command = server_command(demo_gguf, "--port", "0", "--parent-pipe", parallel=2)
    command += ["--allow-origin", "https://app.example", "--allow-host", "Box.internal"]
    command += ["--queue", "3"]
    with (
        announced(command) as url,
        httpx2.Client(base_url=url, timeout=120, trust_env=False) as client,
    ):
        yield client
