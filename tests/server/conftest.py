"""Plain HTTP clients of servers that serve the demo."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.servers import server_command


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
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout is not None
        words = "listening on "
        line = next(line for line in process.stdout if line.startswith(words))
        url = line.removeprefix(words).strip()
        with httpx2.Client(base_url=url, timeout=120, trust_env=False) as client:
            yield client
        process.terminate()
