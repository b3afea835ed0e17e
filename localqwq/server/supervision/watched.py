"""A child process whose words are kept, and whose end is explained."""

import asyncio
import contextlib
import sys
from pathlib import Path
from typing import Protocol

from localqwq.server.supervision.deaths import (
    Death,
    LoadFailed,
    Symptoms,
    death_of,
    is_exhausted,
    load_failure_of,
    oom_kills,
    speaks_of_device,
    speaks_of_lost_server,
    speaks_of_shortage,
)
from localqwq.server.supervision.process import ChildProcess

_AGONY = 2.0
"""Seconds for a process without memory to end by itself."""
_ERROR = "error: "
"""Prefix of a process's own sentence about its end."""


class Log(Protocol):
    """Where the words of a child go."""

    @property
    def path(self) -> Path | None:
        """Where people can read them; None if they cannot."""

    def write(self, data: bytes) -> None:
        """Add some; never raises OSError."""

    def close(self, *, keep: bool) -> None:
        """End it; ``keep``: somebody may want to read it."""


class Relay:
    """Passes a child's words on to this process's own stderr, but for its sentence about its end,
    which this process has to say itself.
    """

    path = None

    def __init__(self) -> None:
        self._rest = b""

    def write(self, data: bytes) -> None:
        """Pass on the lines that are complete."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        told = [line + b"\n" for line in lines if not line.startswith(_ERROR.encode())]
        with contextlib.suppress(OSError):
            sys.stderr.buffer.write(b"".join(told))
            sys.stderr.flush()

    def close(self, *, keep: bool) -> None:
        """Pass on what is left."""
        if self._rest:
            self.write(b"\n")


class Watched:
    """A process and its log."""

    def __init__(self, process: ChildProcess, log: Log, patience: float) -> None:
        """Set up; ``patience``: seconds for it to end before it is killed."""
        self._process = process
        self._log = log
        self._patience = patience
        self._oom_kills = oom_kills()
        self._error: str | None = None
        self._short = self._short_on_device = self._lost_server = False
        self._keep_log = False
        self._reader = asyncio.create_task(self._read_stderr())
        self._agony: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    async def load_failure(self) -> LoadFailed:
        """Wait until the process ends, and return the error for one that was not ready yet."""
        code = await self._process.wait()
        await self._reader
        self._keep_log = self._error is None
        return load_failure_of(code, self._error, **self._symptoms())

    async def death(self) -> Death:
        """Wait until the process ends, and return how."""
        code = await self._process.wait()
        await self._reader
        self._keep_log = True
        return death_of(code, self._error, **self._symptoms())

    async def end(self) -> None:
        """Ask the process to end, and kill it if it does not.

        The log is kept if the process had ended by itself, unless it only refused to load.
        """
        try:
            await self._terminate()
        finally:
            for task in (self._reader, self._agony):
                if task is not None:
                    task.cancel()
            self._process.close()
            self._log.close(keep=self._keep_log)

    async def _terminate(self) -> None:
        process = self._process
        if process.is_running:
            process.terminate()
            try:
                async with asyncio.timeout(self._patience):
                    await process.wait()
            except BaseException as error:
                process.kill()
                await process.wait()
                if not isinstance(error, TimeoutError):
                    raise

    def _symptoms(self) -> Symptoms:
        return {
            "short": self._short,
            "oom_killed": self._oom_killed(),
            "log": self._log.path,
            "on_device": self._short_on_device,
            "lost_server": self._lost_server,
        }

    async def _read_stderr(self) -> None:
        stderr = await self._process.stderr()
        rest = b""
        while data := await stderr.read(1 << 16):
            self._log.write(data)
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                self._heed(line.decode(errors="replace"))
            rest = rest[-4096:]
        self._heed(rest.decode(errors="replace"))

    def _heed(self, line: str) -> None:
        if line.startswith(_ERROR):
            self._error = line.removeprefix(_ERROR).strip()
        if speaks_of_shortage(line):
            self._short = True
            self._short_on_device = self._short_on_device or speaks_of_device(line)
        self._lost_server = self._lost_server or speaks_of_lost_server(line)
        if self._agony is None and is_exhausted(line):
            self._agony = asyncio.create_task(self._cut_short())

    async def _cut_short(self) -> None:
        try:
            async with asyncio.timeout(_AGONY):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()

    def _oom_killed(self) -> bool:
        now = oom_kills()
        return now is not None and self._oom_kills is not None and now > self._oom_kills
