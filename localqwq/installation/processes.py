"""Two programs side by side whose whole families end together."""

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

_GRACE = 10.0
"""Seconds that pip and the compilers have to clean up after an interruption."""


class Program:
    """A command that runs beside others, in a process group of its own."""

    def __init__(
        self,
        command: Sequence[str],
        take_line: Callable[[str], None],
        environment: Mapping[str, str] = os.environ,
    ) -> None:
        """Start ``command``; each line of its output goes to ``take_line``, in a thread."""
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
        """End it and all that it started."""
        for number in (signal.SIGINT, signal.SIGKILL):
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_GRACE)
                break
        with suppress(ProcessLookupError):  # compilers that outlived pip
            os.killpg(self._process.pid, signal.SIGKILL)
