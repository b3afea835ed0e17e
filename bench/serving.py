"""The real ``localqwq serve`` for benchmarks, with directories of its own."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2


@contextmanager
def serving(home: Path, *options: str) -> Iterator[httpx2.Client]:
    """Serve the demo below ``home`` until the block ends, by a SIGTERM as a system sends it."""
    folders = {f"LOCALQWQ_{kind}_DIR": str(home / kind.lower()) for kind in ("DATA", "CACHE")}
    command = [sys.executable, "-m", "localqwq", "serve", "demo", "--port", "0", *options]
    with subprocess.Popen(
        command,
        env={**os.environ, **folders, "LOCALQWQ_CONFIG_DIR": str(home / "config")},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as server:
        assert server.stdout is not None
        try:
            line = next(line for line in server.stdout if line.startswith("listening on "))
            url = line.removeprefix("listening on ").strip()
            with httpx2.Client(base_url=url, timeout=300, trust_env=False) as client:
                yield client
        finally:
            server.send_signal(signal.SIGTERM)
