"""A child process that answers lines, with limits on the time and memory of each answer."""

import contextlib
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from math import ceil
from typing import Literal

from localqwq import children

Reason = Literal["time", "memory", "crash", "closed"]
_READY = "ready\n"
_START_SECONDS = 60.0
"""Seconds until a child is ready, on a slow disk beside other programs."""


class LineEnded(Exception):
    """The child has not answered; ``reason`` is why."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason


class LineChild:
    """The parent's end. A child that ended is replaced at the next line. Thread-safe."""

    def __init__(
        self,
        module: children.Child,
        *,
        seconds: float,
        memory: int,
        processor_seconds: float | None = None,
    ) -> None:
        """Set up; each answer, not the start, is limited to ``seconds`` and ``memory`` in bytes.

        ``processor_seconds`` limit the time of the processor, which a busy machine does not add to;
        by default they are slightly more than ``seconds``.
        """
        self.process: subprocess.Popen[str] | None = None
        self._ready = False
        self._module = module
        self._seconds, self._memory = seconds, memory
        self._processor = seconds + 1 if processor_seconds is None else processor_seconds
        self._lock = threading.Lock()
        self._closed = False

    def start(self) -> None:
        """Start the child, which otherwise starts with the first line."""
        self.process = self._begin()

    def ask(self, line: str) -> str:
        """Return what the child answers to a line; raises :class:`LineEnded`."""
        with self._lock:
            return self._ask(line)

    def close(self) -> None:
        """End the child and any answer in another thread; no more are possible."""
        self._closed = True
        process = self.process
        if process is not None:
            process.kill()
        with self._lock:
            self._end()

    def _ask(self, line: str) -> str:
        if self._closed:
            raise LineEnded("closed")
        process = self.process
        if process is None or process.poll() is not None:
            self._end()
            process = self.process = self._begin()
        if not self._ready:
            self._ready = self._exchange(process, "", _START_SECONDS) == _READY
        return self._exchange(process, line + "\n", self._seconds)

    def _exchange(self, process: "subprocess.Popen[str]", text: str, seconds: float) -> str:
        """Write to the child and return the line that it writes; raises :class:`LineEnded`."""
        assert process.stdin is not None
        assert process.stdout is not None
        with children.Watch(process, seconds=seconds, memory=self._memory) as watch:
            try:
                process.stdin.write(text)
                process.stdin.flush()
                reply = process.stdout.readline()
            except OSError:
                reply = ""
        if reply.endswith("\n"):
            return reply
        self._end()
        exhausted = process.returncode == -signal.SIGXCPU
        raise LineEnded(watch.ended_for or ("time" if exhausted else "crash"))

    def _begin(self) -> "subprocess.Popen[str]":
        pipe = subprocess.PIPE
        limits = str(ceil(self._processor)), str(self._memory)
        return subprocess.Popen(
            [sys.executable, "-P", "-m", self._module, *limits],
            stdin=pipe,
            stdout=pipe,
            stderr=subprocess.DEVNULL,
            encoding="utf-8",
            process_group=children.OWN_GROUP,
        )

    def _end(self) -> None:
        process, self.process = self.process, None
        self._ready = False
        if process is not None:
            process.kill()
            process.wait()
            for stream in (process.stdin, process.stdout):
                if stream is not None:
                    with contextlib.suppress(OSError):  # what it has not read is of no use
                        stream.close()


def answer_lines(answer: Callable[[str], str]) -> None:
    """Answer each line of stdin until it ends: the child's end.

    The arguments of the process are its limits: the seconds of processor time of each answer, and
    the bytes of memory.
    """
    children.wake_with_parent()
    seconds, memory = map(int, sys.argv[1:3])
    children.bound_memory(memory)
    print(_READY, end="", flush=True)
    for line in sys.stdin:
        _limit_time(seconds)
        print(answer(line), flush=True)


def _limit_time(seconds: int) -> None:
    """Limit the processor time from now on: the parent enforces its own limit, but may have
    ended.
    """
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        _, most = resource.getrlimit(resource.RLIMIT_CPU)
        resource.setrlimit(resource.RLIMIT_CPU, (ceil(time.process_time()) + seconds, most))
