"""The real server for the examples: a child process that ends with the example."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def server(*options: str) -> Iterator[str]:
    """Start ``localqwq serve demo`` on a free port, and give the URL for OpenAI's clients."""
    command = [sys.executable, "-m", "localqwq", "serve", "demo", "--port", "0", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        words = "listening on "
        lines = (line for line in process.stdout if line.startswith(words))
        if (line := next(lines, None)) is None:
            raise SystemExit("The server did not start.")
        try:
            yield f"{line.removeprefix(words).strip()}/v1"
        finally:
            process.terminate()
