"""Child processes that end with their parent, however it ends, and even if they are stopped.

A pipe closes when the process at its other end is gone: a child that has one as its stdin notices,
but not while it is stopped (``SIGSTOP``, Ctrl+Z). Linux is therefore asked to wake it then. Linux
could also kill it, but watches the *thread* that started the child, and threads end early; waking
is harmless. Elsewhere the system hangs up on stopped processes in an orphaned process group, so
each child has its own group; that also protects it from the terminal's Ctrl+C.

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
"""The ``process_group`` argument of ``subprocess`` for a new group."""
_PR_SET_PDEATHSIG = 1
_LOOK_SECONDS = 0.05
"""Seconds between two checks of a child's memory."""


class Child(StrEnum):
    """The modules that run as child processes."""

    ENGINE = "localqwq.server.engine"
    TEMPLATES = "localqwq.reasoning.template_process"
    GRAMMARS = "localqwq.reasoning.grammar_process"
    DOCUMENTS = "localqwq.documents"
    MATHEMATICS = "localqwq.verdicts.mathematics_process"
    DEVICES = "localqwq.engine.probing.devices"
    DRY_LOAD = "localqwq.engine.probing.dry_load_child"
    SPEED_PROBE = "localqwq.engine.probing.speed_probe"
    ATTENTION_PROBE = "localqwq.engine.probing.attention_probe"
    DEVICE_ATTENTION_PROBE = "localqwq.engine.probing.device_attention_probe"
    BENCHMARK = "localqwq.engine.probing.benchmark"
    IMATRIX = "localqwq.quality.imatrix_child"
    TOKENS = "localqwq.quality.tokens_child"
    THOUGHTS = "localqwq.quality.thoughts_child"
    SCORES = "localqwq.quality.scores_child"
    SANDBOX = "localqwq.agent.sandbox.supervisor"
    RPC_CHECK = "localqwq.engine.rpc.client"


def command(module: str, *arguments: str) -> list[str]:
    """Return the command that runs a module of ours with a :func:`lifeline` as its stdin."""
    return [sys.executable, "-P", "-m", "localqwq.children", module, *arguments]


@contextmanager
def lifeline() -> Iterator[int]:
    """Yield a descriptor for a child's stdin that closes with the block or with this process."""
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
    """Run a :func:`command` to its end and capture its output.

    Raises ``subprocess.TimeoutExpired`` after ``timeout`` seconds, :class:`MemoryError` if it uses
    more than ``memory`` bytes, and OSError if it cannot be started.
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
    """End a child that takes too long or uses too much memory; a context manager.

    Linux limits the address space of a process itself (:func:`bound_memory`). macOS does not, so
    there the process has to be observed.
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
        """The reason why it was ended; empty if it was not."""

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
        """Return the bytes of memory that the process uses; 0 once it has ended."""
        import psutil

        try:
            return psutil.Process(self._process.pid).memory_info().rss
        except psutil.Error:
            return 0


def bound_memory(most: int) -> None:
    """Limit this process to ``most`` bytes of address space, if the system supports it."""
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_AS, (most, most))


def wake_with_parent() -> None:
    """Have this process woken when its parent ends, in case it is stopped then. Linux only."""
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
