"""One server of ``mcp.json``: started when it is needed, and again after it has ended."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Literal

from localqwq.agent.folders import Folder
from localqwq.agent.mcp.entries import Entry, expanded
from localqwq.agent.mcp.http import Answered, http_streams
from localqwq.agent.mcp.offers import OfferedTool
from localqwq.agent.mcp.program import hidden_arguments, job_of, program_of
from localqwq.agent.mcp.rights import Rights, rights_of
from localqwq.agent.mcp.session import Progress, Session, opened, refusal
from localqwq.agent.mcp.stdio import ProgramEnd, program_streams
from localqwq.agent.sandbox.choosing import backend
from localqwq.agent.sandbox.scratch import sandbox_user, scratch_folder
from localqwq.agent.tool import ToolFailed
from localqwq.errors import LocalqwqError

State = Literal["stopped", "starting", "ready", "failed"]
_DOWNLOADING = ("npx", "uvx", "pipx", "bunx", "docker", "podman")
"""Programs that fetch a server whenever it is started."""


@dataclass(frozen=True, slots=True)
class Lost:
    """That a connection has ended, and why."""

    sentence: str


class Server:
    """Keeps one connection; all its coroutines run in one event loop."""

    def __init__(
        self, entry: Entry, folders: Sequence[Folder], on_change: Callable[[], None]
    ) -> None:
        """Set up; ``on_change`` is called whenever its state or what it offers has changed."""
        self.entry = entry
        self.state: State = "stopped"
        self.sentence = entry.problem
        """Why it does not run; empty if it does."""
        self.session: Session | None = None
        self._folders = tuple(folders)
        self._on_change = on_change
        self._lock = asyncio.Lock()
        self._closing = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None

    def rights(self) -> Rights:
        """Return what it may use. Raises :class:`LocalqwqError`."""
        return rights_of(self.entry, self._folders)

    async def start(self) -> Session:
        """Return its session; it is started if it does not run. Raises :class:`LocalqwqError`."""
        async with self._lock:
            if self.session is not None:
                return self.session
            await self._end()
            if self.entry.problem:
                raise LocalqwqError(self.entry.problem)
            self._set("starting", "")
            self._closing.clear()
            ready: asyncio.Future[Session] = asyncio.get_running_loop().create_future()
            self._keeper = asyncio.create_task(self._keep(ready), name=f"mcp-{self.entry.name}")
            return await ready

    async def stop(self) -> None:
        """End it, also while it starts."""
        if self.state == "starting" and self._keeper is not None:
            self._keeper.cancel()
        async with self._lock:
            await self._end()
            self._set("stopped", "")

    async def call(self, tool: OfferedTool, arguments: Mapping[str, Any], told: Progress) -> str:
        """Return the result of a tool. Raises :class:`ToolFailed`.

        ``tool`` is as it was offered to the model: one that has changed since is not called, as
        nobody has allowed it in its new form.
        """
        from mcp import MCPError

        try:
            session = await self.start()
        except LocalqwqError as error:
            raise ToolFailed(f"The server {self.entry.name} does not run: {error}") from None
        now = session.offers.tool(tool.name)
        if now is None:
            raise ToolFailed(f"The server {self.entry.name} no longer has this tool.")
        if now != tool:
            raise ToolFailed(
                f"The server {self.entry.name} has changed this tool since it was offered: in its "
                "new form it can be used from the next prompt on, if it is allowed again."
            )
        try:
            return await session.call(tool.name, arguments, told)
        except MCPError as error:
            lost, sentence = await self._lost(error), refusal(error)
        if lost is None:
            raise ToolFailed(sentence)
        raise ToolFailed(
            f"The connection to the server {self.entry.name} was lost during the call: "
            f"{lost.sentence} The next call starts it again."
        )

    async def _lost(self, error: BaseException) -> Lost | None:
        """Return why the connection has ended, if an error says that it has."""
        from mcp_types import CONNECTION_CLOSED, INVALID_REQUEST

        code = getattr(error, "code", 0)
        is_terminated = code == INVALID_REQUEST and "terminated" in str(error)
        if code != CONNECTION_CLOSED and not is_terminated:
            return None
        async with self._lock:
            sentence = self.sentence or refusal(error)
            await self._end()
            self._set("failed", self.sentence or sentence)
        return Lost(self.sentence)

    async def _end(self) -> None:
        self._closing.set()
        if self._keeper is not None:
            await asyncio.gather(self._keeper, return_exceptions=True)
            self._keeper = None

    async def _keep(self, ready: asyncio.Future[Session]) -> None:
        """Hold the connection open: it must be closed by the task that opened it."""
        end, answered = ProgramEnd(), Answered()
        try:
            entry = expanded(self.entry, os.environ)
            async with opened(
                entry.prefix, self._transport(entry, end, answered), self._on_change
            ) as session:
                self.session = session
                self._set("ready", "")
                if not ready.done():  # nobody may be waiting any more
                    ready.set_result(session)
                await _first(self._closing, end.has_ended)
                self.session = None
        except Exception as error:
            self.session = None
            failure = LocalqwqError(self._why(error, end, answered))
            self._set("failed", str(failure))
            if not ready.done():
                ready.set_exception(failure)
        else:
            self._set("failed" if end.is_by_itself else "stopped", end.sentence)
        finally:
            self.session = None
            if not ready.done():  # this task was cancelled
                ready.set_exception(LocalqwqError("It was stopped."))

    @asynccontextmanager
    async def _transport(
        self, entry: Entry, end: ProgramEnd, answered: Answered
    ) -> AsyncGenerator[Any]:
        if entry.url:
            async with http_streams(entry.url, entry.headers, answered) as streams:
                yield streams
            return
        rights, found = self.rights(), await asyncio.to_thread(backend)
        user = sandbox_user()
        with scratch_folder(user) as scratch:
            job = job_of(entry, rights, found, scratch, user)
            async with program_streams(job, end) as streams:
                yield streams

    def _why(self, error: BaseException, end: ProgramEnd, answered: Answered) -> str:
        """Return why it does not run, and what to do about it if that is known."""
        if answered.status in (401, 403):
            return (
                f"It wants a login (status {answered.status}): put a token into the headers of its "
                "entry; logins through a web page are not supported."
            )
        if not end.is_by_itself:
            return refusal(error)
        entry = expanded(self.entry, os.environ)
        if program_of(entry).name in _DOWNLOADING and not entry.network:
            return (
                f"{end.sentence} {entry.command} downloads the server, which needs network: "
                "install it once, and name the installed program as the command."
            )
        if hidden := hidden_arguments(entry, self.rights()):
            return (
                f"{end.sentence} The sandbox does not show it {', '.join(hidden)}: name what it "
                "needs in the folders of its entry."
            )
        return end.sentence

    def _set(self, state: State, sentence: str) -> None:
        self.state, self.sentence = state, sentence
        self._on_change()


async def _first(*events: asyncio.Event) -> None:
    """Wait for one of the events."""
    tasks = [asyncio.create_task(event.wait()) for event in events]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
