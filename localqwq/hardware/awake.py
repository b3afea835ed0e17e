"""Keeps the machine from going to sleep while something long goes on."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress

PATIENCE_SECONDS = 20.0
"""What takes less is not worth a process: no machine goes to sleep so soon."""
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
"""By platform. All end with their input, so with us, however we end."""


class Awake:
    """Holds one of the system's locks against sleep while there is any work.

    Where the system has no tool for it, or refuses, nothing happens. May be used by any thread.
    """

    def __init__(
        self,
        allowed: Callable[[], bool],
        patience: float | None = None,
        platform: str = sys.platform,
    ) -> None:
        """`allowed` is asked when the lock is to be taken; `patience`: seconds of work before."""
        self._allowed = allowed
        self._patience = PATIENCE_SECONDS if patience is None else patience
        self._command = _COMMANDS.get(platform)
        self._lock = threading.Lock()
        self._works = 0
        self._timer: threading.Timer | None = None
        self._held: subprocess.Popen[bytes] | None = None

    @contextmanager
    def during(self, why: str) -> Iterator[None]:
        """Something goes on; `why` is what the system may tell of it."""
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
        """Takes the lock, in the timer's thread."""
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
                    start_new_session=True,  # the terminal's Ctrl+C is not for it
                )


def _let_go(held: subprocess.Popen[bytes]) -> None:
    """Ends the tool, and waits for that in a thread: its end is nobody's business."""
    assert held.stdin is not None
    with suppress(OSError):
        held.stdin.close()
    threading.Thread(target=held.wait, name="awake", daemon=True).start()
