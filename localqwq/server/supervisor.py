"""Runs the server as a child process, and notices when it dies."""

import asyncio
import contextlib
import os
import secrets
import shutil
import signal
import socket
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from localqwq.endpoint import Endpoint
from localqwq.errors import LocalqwqError
from localqwq.locations import cache_directory
from localqwq.server.log import open_log

ANNOUNCEMENT = "listening on "
"""What the server's line on stdout begins with, once it answers."""

_SOCKET_PATH_LIMIT = 100
"""Bytes; a Unix socket's path may have 103 on macOS and 107 on Linux."""

_PATIENCE = 5.0
"""Seconds in which a child that was asked to end may do so before it is killed."""


@dataclass(frozen=True, slots=True)
class Launch:
    """What a server child loads, and how."""

    model: Path
    """The GGUF file."""
    name: str
    """The model's id for clients, such as ``demo:Q8_0``."""
    context: int
    """Tokens."""
    gpu_layers: int
    threads: int | None
    """``None`` leaves the number to the engine."""


class Supervisor:
    """One server child: starts it, ends it, starts it again, and tells when it dies by itself.

    The child listens on a Unix socket in a directory of its own, or on loopback with a random
    key where the platform has no such sockets. It ends when this process ends, however that ends.
    """

    def __init__(self, launch: Launch) -> None:
        self.launch = launch
        self._child: _Child | None = None
        self._watch: asyncio.Task[None] | None = None
        self._death: str = ""
        self._died = asyncio.Event()

    async def start(self) -> Endpoint:
        """Start the child and wait until it answers.

        Raises ``LocalqwqError`` with the child's own sentence when it ends instead.
        """
        self._died.clear()
        child = await _Child.spawn(self.launch)
        try:
            endpoint = await child.answer()
        except BaseException:
            await child.end()
            raise
        self._child = child
        self._watch = asyncio.create_task(self._await_death(child))
        return endpoint

    async def stop(self) -> None:
        """End the child, politely at first; nothing of it is left. Harmless when none runs."""
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None
        if self._child is not None:
            child, self._child = self._child, None
            await child.end()

    async def restart(self) -> Endpoint:
        """End the child, should it still run, and start a new one."""
        await self.stop()
        return await self.start()

    async def died(self) -> str:
        """Wait until a child ends that nobody asked to end; a sentence that says how it ended."""
        await self._died.wait()
        return self._death

    async def _await_death(self, child: "_Child") -> None:
        self._death = await child.death()
        self._died.set()


class _Child:
    """A server process with its socket directory and its log."""

    def __init__(
        self, process: asyncio.subprocess.Process, directory: Path | None, key: str | None
    ) -> None:
        self._process = process
        self._directory = directory
        self._key = key
        self._log = open_log(cache_directory(), process.pid)
        self._error: str | None = None
        self._reader = asyncio.create_task(self._read_stderr())
        self._drain: asyncio.Task[None] | None = None

    @classmethod
    async def spawn(cls, launch: Launch) -> "_Child":
        """Start a process for ``launch``; it is loading the model when this returns."""
        command = [sys.executable, "-P", "-m", "localqwq.server", "--parent-pipe"]
        command += ["--model", str(launch.model.absolute()), "--name", launch.name]
        command += ["--ctx", str(launch.context), "--gpu-layers", str(launch.gpu_layers)]
        if launch.threads is not None:
            command += ["--threads", str(launch.threads)]
        environment = dict(os.environ)
        environment.pop("LOCALQWQ_API_KEY", None)
        directory, key = None, None
        if hasattr(socket, "AF_UNIX"):
            directory = _socket_directory()
            command += ["--uds", str(directory / "engine.sock")]
        else:
            key = environment["LOCALQWQ_API_KEY"] = secrets.token_urlsafe(32)
            command += ["--host", "127.0.0.1", "--port", "0"]
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env=environment,
                start_new_session=True,  # the terminal's Ctrl-C is not for the child
            )
        except BaseException:
            _remove(directory)
            raise
        return cls(process, directory, key)

    async def answer(self) -> Endpoint:
        """Wait until the child says that it listens."""
        stdout = self._process.stdout
        assert stdout is not None
        while line := (await stdout.readline()).decode(errors="replace"):
            if line.startswith(ANNOUNCEMENT):
                self._drain = asyncio.create_task(_discard(stdout))
                url = line.removeprefix(ANNOUNCEMENT).strip()
                if self._directory is None:
                    return Endpoint(url, api_key=self._key)
                return Endpoint("http://localhost", uds=str(self._directory / "engine.sock"))
        code = await self._process.wait()
        await self._reader
        raise LocalqwqError(
            self._error or f"The engine stopped while loading ({_how(code)}); {self._last_words}"
        )

    async def death(self) -> str:
        """Wait until the process ends; a sentence that says how it ended."""
        code = await self._process.wait()
        await self._reader
        if code == -signal.SIGKILL:
            return "The engine was killed (signal 9), perhaps because memory ran out."
        verb = "crashed" if code < 0 else "ended by itself"
        return f"The engine {verb} ({_how(code)}); {self._last_words}"

    async def end(self) -> None:
        """Ask the process to end, kill it if it does not, and remove its socket.

        The log stays if the process had ended by itself and left no sentence.
        """
        keep = self._process.returncode is not None and self._error is None
        try:
            await self._terminate()
        finally:
            if self._drain is not None:
                self._drain.cancel()
            self._reader.cancel()
            self._log.close(keep=keep)
            _remove(self._directory)

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
                if line.startswith(b"error: "):
                    self._error = line.decode(errors="replace").removeprefix("error: ").strip()
            rest = rest[-4096:]

    @property
    def _last_words(self) -> str:
        return f"its last words are in {self._log.path}."


def _how(code: int) -> str:
    """How a process ended, from its exit status: minus the signal where one ended it."""
    if code == -signal.SIGKILL:
        return "signal 9, perhaps because memory ran out"
    return f"signal {-code}" if code < 0 else f"status {code}"


def _socket_directory() -> Path:
    """A new directory that only this user may enter (0700), with a short enough path."""
    directory = tempfile.mkdtemp(prefix="localqwq-")
    if len(os.fsencode(directory)) + len("/engine.sock") > _SOCKET_PATH_LIMIT:
        Path(directory).rmdir()
        directory = tempfile.mkdtemp(prefix="localqwq-", dir="/tmp")
    return Path(directory)


def _remove(directory: Path | None) -> None:
    if directory is not None:
        shutil.rmtree(directory, ignore_errors=True)


async def _discard(stream: asyncio.StreamReader) -> None:
    while await stream.read(1 << 16):
        pass
