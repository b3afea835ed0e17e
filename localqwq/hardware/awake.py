"""Keeping the machine awake during long work."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress

PATIENCE_SECONDS = 20.0
"""Seconds of work before taking the lock: no machine falls asleep sooner."""
_COMMANDS: Mapping[str, tuple[str, ...]] = {
    "linux": (
        "systemd-inhibit",
        "--what=sleep:idle",
        "--who=localqwq",
        "--mode=block",
        "--why={why}",
        "cat",
    ),
    "darwin": ("caffeinate", "-i", "cat"),
}
"""Commands by platform. All end with their input, and so with this process, however it ends."""


class Awake:
    """Hold one of the system's sleep locks while there is any work.

    If the system has no tool for it, or refuses, nothing happens. Thread-safe.
    """

    def __init__(
        self,
        allowed: Callable[[], bool],
        patience: float | None = None,
        platform: str = sys.platform,
    ) -> None:
        """Set up; ``allowed`` is asked before taking the lock; ``patience``: seconds of work before
        that.
        """
        self._allowed = allowed
        self._patience = PATIENCE_SECONDS if patience is None else patience
        self._command = _COMMANDS.get(platform)
        self._lock = threading.Lock()
        self._works = 0
        self._timer: threading.Timer | None = None
        self._held: subprocess.Popen[bytes] | None = None

    @contextmanager
    def during(self, why: str) -> Iterator[None]:
        """Mark work in progress; ``why`` is the reason shown by the system."""
        self._begin(why)
        try:
            yield
        finally:
            self._end()

    def _begin(self, why: str) -> None:
        with self._lock:
            self._works += 1
            if self._works == 1 and self._command is not None:
                self._timer = threading.Timer(self._patience, self._take, (why,))
                self._timer.daemon = True
                self._timer.start()

    def _end(self) -> None:
        with self._lock:
            self._works -= 1
            if self._works:
                return
            if self._timer is not None:
                self._timer.cancel()
            held, self._held = self._held, None
        if held is not None:
            _let_go(held)

    def _take(self, why: str) -> None:
        """Take the lock, in the timer's thread."""
        if self._command is None or not self._allowed():
            return
        tool, *arguments = self._command
        path = shutil.which(tool)
        if path is None:
            return
        with self._lock, suppress(OSError):
            if self._works:
                self._held = subprocess.Popen(
                    [path, *(argument.format(why=why) for argument in arguments)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    start_new_session=True,  # protects it from the terminal's Ctrl+C
                )


def _let_go(held: subprocess.Popen[bytes]) -> None:
    """End the tool, and wait for it in a thread so that nobody else has to."""
    assert held.stdin is not None
    with suppress(OSError):
        held.stdin.close()
    threading.Thread(target=held.wait, name="awake", daemon=True).start()
