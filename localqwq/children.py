"""Child processes that end with their parent, however that ends, and even if they are stopped.

A pipe closes when the process at its other end is gone: a child that has one as its stdin notices,
but not while it is stopped (``SIGSTOP``, Ctrl+Z). So Linux is asked to wake it then. It could kill
it as well, but asks after the *thread* that started the child, and threads end early: waking up
does no harm. Elsewhere the system hangs up on stopped processes whose group has nobody left, which
is why each child has a group of its own; that also keeps the terminal's Ctrl+C from them.

    python -m localqwq.children MODULE ARGUMENT …

runs a module like ``python -m MODULE ARGUMENT …``, until stdin closes.
"""

import contextlib
import os
import resource
import runpy
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from typing import Any, Literal, Self

OWN_GROUP = 0
"""For ``process_group`` of ``subprocess``."""
_PR_SET_PDEATHSIG = 1
_LOOK_SECONDS = 0.05
"""Between two looks at a child's memory."""


class Child(StrEnum):
    """Our modules that run as processes of their own."""

    SERVER = "localqwq.server"
    TEMPLATES = "localqwq.reasoning.template_process"
    DOCUMENTS = "localqwq.documents"
    DEVICES = "localqwq.engine.probing.devices"
    DRY_LOAD = "localqwq.engine.probing.dry_load"
    SPEED_PROBE = "localqwq.engine.probing.speed_probe"
    BENCHMARK = "localqwq.engine.probing.benchmark"
    RPC_CHECK = "localqwq.engine.rpc.client"


def command(module: str, *arguments: str) -> list[str]:
    """The command that runs one of our modules with a :func:`lifeline` as its stdin."""
    return [sys.executable, "-P", "-m", "localqwq.children", module, *arguments]


@contextmanager
def lifeline() -> Iterator[int]:
    """A descriptor for the stdin of a child: it closes with the block, or with this process."""
    ours, theirs = os.pipe()[::-1]
    try:
        yield theirs
    finally:
        os.close(ours)
        os.close(theirs)


def run(
    words: list[str],
    *,
    timeout: float,
    memory: int | None = None,
    env: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[bytes]:
    """Run a :func:`command` to its end, and take in what it says.

    Raises ``subprocess.TimeoutExpired`` after so many seconds, :class:`MemoryError` where it holds
    more than ``memory`` bytes, and OSError where it cannot be started.
    """
    pipe = subprocess.PIPE
    with (
        lifeline() as stdin,
        subprocess.Popen(
            words, stdin=stdin, stdout=pipe, stderr=pipe, env=env, process_group=OWN_GROUP
        ) as process,
    ):
        try:
            with Watch(process, memory=memory) as watch:
                said, complained = process.communicate(timeout=timeout)
        except BaseException:
            process.kill()
            raise
    if watch.ended_for == "memory":
        raise MemoryError
    return subprocess.CompletedProcess(words, process.returncode, said, complained)


class Watch:
    """Ends a child that takes too long or holds too much memory; a context manager.

    Linux bounds the address space of a process itself (:func:`bound_memory`), macOS does not: there
    nothing but looking at the process keeps it from taking all that there is.
    """

    def __init__(
        self,
        process: "subprocess.Popen[Any]",
        *,
        seconds: float = float("inf"),
        memory: int | None = None,
    ) -> None:
        """Watch ``process`` for ``seconds`` and for ``memory`` bytes in use."""
        self._process, self._memory = process, memory
        self._deadline = time.monotonic() + seconds
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, name="watch", daemon=True)
        self.ended_for: Literal["", "time", "memory"] = ""
        """Why it was ended; empty if it was not."""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(_LOOK_SECONDS):
            if time.monotonic() > self._deadline:
                self.ended_for = "time"
            elif self._memory is not None and self._held() > self._memory:
                self.ended_for = "memory"
            if self.ended_for:
                self._process.kill()
                return

    def _held(self) -> int:
        """Return the bytes of memory that the process holds; 0 once it is gone."""
        import psutil

        try:
            return psutil.Process(self._process.pid).memory_info().rss
        except psutil.Error:
            return 0


def bound_memory(most: int) -> None:
    """Bound this process to ``most`` bytes of address space, where the system can do that."""
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_AS, (most, most))


def wake_with_parent() -> None:
    """Have this process go on when its parent ends, should it be stopped then. Linux only."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGCONT, 0, 0, 0)


def _end_with_stdin() -> None:
    def wait() -> None:
        while os.read(0, 1 << 12):
            pass
        os._exit(1)

    threading.Thread(target=wait, name="lifeline", daemon=True).start()


def _main() -> None:
    wake_with_parent()
    _end_with_stdin()
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    _main()
