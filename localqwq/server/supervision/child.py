"""One server process: starting, listening to, and ending it."""

import asyncio
import contextlib
import os
import sys
from collections.abc import Callable
from typing import Self

from localqwq import children
from localqwq.endpoint import Endpoint
from localqwq.locations import cache_directory
from localqwq.models.launch import Launch
from localqwq.server.supervision.addresses import BindAddress
from localqwq.server.supervision.deaths import (
    Death,
    Symptoms,
    death_of,
    is_exhausted,
    load_failure_of,
    oom_kills,
    speaks_of_device,
    speaks_of_lost_server,
    speaks_of_shortage,
)
from localqwq.server.supervision.log import open_log

ANNOUNCEMENT = "listening on "
"""Prefix of the server's line on stdout when it is ready."""
LOADING = "loading "
"""Prefix of its lines before that; a percentage follows."""

_PATIENCE = 15.0
"""Seconds for a process to end before it is killed; it may have to write gigabytes of conversations
to disk.
"""
_AGONY = 2.0
"""Seconds for a process without memory to end by itself."""


class Child:
    """A server process with its address and its log."""

    def __init__(self, process: asyncio.subprocess.Process, address: BindAddress) -> None:
        self._process = process
        self._address = address
        self._log = open_log(cache_directory(), process.pid)
        self._oom_kills = oom_kills()
        self._error: str | None = None
        self._short = self._short_on_device = self._lost_server = False
        self._keep_log = False
        self._reader = asyncio.create_task(self._read_stderr())
        self._drain: asyncio.Task[None] | None = None
        self._agony: asyncio.Task[None] | None = None

    @classmethod
    async def spawn(cls, launch: Launch, address: BindAddress) -> Self:
        """Start a process for ``launch``; it is loading the model when this returns."""
        command = [sys.executable, "-P", "-m", children.Child.SERVER, "--parent-pipe"]
        environment = dict(os.environ)
        environment.pop("LOCALQWQ_API_KEY", None)
        # An abort would first start a debugger for its backtrace, while clients wait for seconds.
        environment.setdefault("GGML_NO_BACKTRACE", "1")
        # After one very large body, glibc would keep such blocks forever.
        environment.setdefault("MALLOC_MMAP_THRESHOLD_", str(1 << 20))
        environment.setdefault("MALLOC_TRIM_THRESHOLD_", str(1 << 20))
        if address.api_key is not None:
            environment["LOCALQWQ_API_KEY"] = address.api_key
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                *address.arguments,
                launch.as_json(),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env=environment,
                start_new_session=True,  # protects the child from the terminal's Ctrl-C
                pass_fds=() if address.descriptor is None else (address.descriptor,),
            )
        except BaseException:
            address.remove()
            raise
        return cls(process, address)

    async def answer(self, on_progress: Callable[[float], None] | None = None) -> Endpoint:
        """Wait until the process is ready, and return its endpoint.

        ``on_progress`` is called with the fraction of the model loaded, 0 to 1. Raises
        ``LoadFailed`` if the process ends instead.
        """
        stdout = self._process.stdout
        assert stdout is not None
        while line := (await stdout.readline()).decode(errors="replace"):
            if line.startswith(ANNOUNCEMENT):
                self._drain = asyncio.create_task(_discard(stdout))
                return self._address.endpoint(line.removeprefix(ANNOUNCEMENT).strip())
            if line.startswith(LOADING) and on_progress is not None:
                on_progress(int(line.removeprefix(LOADING).strip(" %\n")) / 100)
        code = await self._process.wait()
        await self._reader
        self._keep_log = self._error is None
        raise load_failure_of(code, self._error, **self._symptoms())

    async def death(self) -> Death:
        """Wait until the process ends, and return how."""
        code = await self._process.wait()
        await self._reader
        self._keep_log = True
        return death_of(code, self._error, **self._symptoms())

    def _symptoms(self) -> Symptoms:
        return {
            "short": self._short,
            "oom_killed": self._oom_killed(),
            "log": self._log.path,
            "on_device": self._short_on_device,
            "lost_server": self._lost_server,
        }

    async def end(self) -> None:
        """Ask the process to end, kill it if it does not, and remove its address.

        The log is kept if the process had ended by itself, unless it only refused to load.
        """
        try:
            await self._terminate()
        finally:
            for task in (self._drain, self._reader, self._agony):
                if task is not None:
                    task.cancel()
            self._log.close(keep=self._keep_log)
            self._address.remove()

    async def _terminate(self) -> None:
        process = self._process
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            try:
                async with asyncio.timeout(_PATIENCE):
                    await process.wait()
            except BaseException as error:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
                if not isinstance(error, TimeoutError):
                    raise
        if process.stdin is not None:
            process.stdin.close()

    async def _read_stderr(self) -> None:
        stderr = self._process.stderr
        assert stderr is not None
        rest = b""
        while data := await stderr.read(1 << 16):
            self._log.write(data)
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                self._heed(line.decode(errors="replace"))
            rest = rest[-4096:]
        self._heed(rest.decode(errors="replace"))

    def _heed(self, line: str) -> None:
        if line.startswith("error: "):
            self._error = line.removeprefix("error: ").strip()
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
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()

    def _oom_killed(self) -> bool:
        now = oom_kills()
        return now is not None and self._oom_kills is not None and now > self._oom_kills


async def _discard(stream: asyncio.StreamReader) -> None:
    while await stream.read(1 << 16):
        pass
