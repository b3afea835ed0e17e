"""Running two programs concurrently, and ending them with all their children."""

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

_GRACE = 10.0
"""Seconds that pip and compilers have to clean up after an interruption."""


class Program:
    """A command running beside others, in its own process group."""

    def __init__(
        self,
        command: Sequence[str],
        take_line: Callable[[str], None],
        environment: Mapping[str, str] = os.environ,
    ) -> None:
        """Start ``command``; a thread passes each line of its output to ``take_line``."""
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env=dict(environment),
            process_group=0,
        )
        self._take_line = take_line
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._take_line(line)

    def wait(self, seconds: float) -> int | None:
        """Return the exit code once it has ended and its output was read, else ``None``."""
        try:
            code = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None
        self._reader.join(seconds)
        return code

    def stop(self) -> None:
        """End it and everything that it started."""
        for number in (signal.SIGINT, signal.SIGKILL):
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_GRACE)
                break
        with suppress(ProcessLookupError):  # compilers that outlived pip
            os.killpg(self._process.pid, signal.SIGKILL)
