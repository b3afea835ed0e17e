"""The servers of one conversation, or of one program: what the app, ``ask`` and Python use.

    servers = McpServers(all_entries(settings.agent.mcp_files), folders, on_change=…)
    for state in servers.states(): …            # all of mcp.json; nothing is started yet
    if words := servers.asks(name):             # it asks for network or folders: show the words,
        servers.grant(name)                     # and grant them if the person agrees
    await asyncio.wrap_future(servers.start(name))      # with an event loop; or
    servers.start(name).result()                        # without one
    tools = servers.tools()                     # AgentTools of all that are ready, for AgentTurn
    servers.close()

What takes time returns a ``concurrent.futures.Future``: ``.result()`` waits for it in a thread, and
``await asyncio.wrap_future(…)`` in an event loop; cancelling it ends the work. All futures raise
:class:`~localqwq.errors.LocalqwqError` with a sentence for a person.

The servers run in a thread of their own, in which ``on_change`` and ``on_progress`` are called: an
app has to pass that on to its own loop (``call_soon_threadsafe``). ``on_change`` means that
:meth:`McpServers.states` has something new: a server is ready, has ended, or has changed what it
offers; the next turn should get :meth:`McpServers.tools` anew. A server that has ended is started
again by the next call. What a turn was given remains as it was: a tool that has changed since is
refused by the call, and asks again in the next turn, as its fingerprint is another one.

Importing this does not import the SDK, which takes a second; starting a server does.
"""

from __future__ import annotations

import asyncio
import json
import shlex
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from types import TracebackType
from typing import Any, Self, TypeVar

from localqwq.agent.folders import Folder
from localqwq.agent.grants import GrantsFile
from localqwq.agent.mcp.entries import Entry
from localqwq.agent.mcp.files import all_entries
from localqwq.agent.mcp.loop import BackgroundLoop
from localqwq.agent.mcp.offers import OfferedPrompt, OfferedResource, OfferedTool, tool_name
from localqwq.agent.mcp.rights import asked_in_words, grant_of
from localqwq.agent.mcp.server import Server, State
from localqwq.agent.mcp.session import Session, refusal
from localqwq.agent.permission import Grant
from localqwq.agent.stop import Stop
from localqwq.agent.tool import AgentTool, Arguments, Effect, ToolFailed
from localqwq.errors import LocalqwqError
from localqwq.reasoning.messages import Message

_CLOSE_SECONDS = 10.0
_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class ServerState:
    """What a person sees of a server."""

    name: str
    """As in ``mcp.json``."""
    prefix: str
    """The beginning of its tools' names, and its name in ``@prefix:uri`` and ``/prefix:prompt``."""
    state: State
    """``stopped``, ``starting``, ``ready`` or ``failed``."""
    sentence: str
    """Why it does not run, or why some of its tools are left out; empty if there is nothing."""
    command: str
    """The command that starts it, or its address."""
    rights: str
    """What it may do, in words that follow its name."""
    tools: tuple[AgentTool, ...]
    asks: str
    """What a person has to allow before it can be started, in words; empty if nothing."""


@dataclass(frozen=True, slots=True)
class CallProgress:
    """How far a call of a tool is."""

    tool: str
    done: float
    total: float | None
    """What ``done`` will reach; None if the server does not know."""
    words: str


class McpServers:
    """The servers of ``mcp.json``; a context manager."""

    def __init__(
        self,
        entries: Iterable[Entry] | None = None,
        folders: Sequence[Folder] = (),
        *,
        on_change: Callable[[], None] = lambda: None,
        on_progress: Callable[[CallProgress], None] = lambda progress: None,
        reserved: Collection[str] = (),
        remembered: GrantsFile | None = None,
    ) -> None:
        """Set up; nothing is started.

        ``entries``: None for those of our ``mcp.json``. ``folders``: what was opened for the
        conversation, which every server's sandbox gets beside what its entry names. ``reserved``:
        names of other tools, which no server's tool may have. ``remembered``: permissions for
        always; those of the data directory by default.
        """
        self._on_progress = on_progress
        self._reserved = frozenset(reserved)
        self._remembered = remembered or GrantsFile()
        self._granted: set[Grant] = set()
        self._folders = tuple(folders)
        self._loop = BackgroundLoop("mcp")
        self._servers = {
            entry.name: Server(entry, self._folders, on_change)
            for entry in (all_entries() if entries is None else entries)
            if not entry.disabled
        }

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all servers."""
        return tuple(self._servers)

    def states(self) -> list[ServerState]:
        """Return the state of each server, in the order of the files."""
        return [self._state(server) for server in self._servers.values()]

    def state(self, name: str) -> ServerState:
        """Return the state of one server. Raises :class:`LocalqwqError` for an unknown name."""
        return self._state(self._server(name))

    def asks(self, name: str) -> str:
        """Return what a person has to allow before a server is started; empty if nothing.

        Raises :class:`LocalqwqError` for a folder that cannot be opened.
        """
        entry = self._server(name).entry
        return "" if self._is_granted(entry) else asked_in_words(entry)

    def grant(self, name: str, *, always: bool = True) -> None:
        """Allow what a server's entry asks for; only a person's own answer may lead here.

        Otherwise than ``always``, only for this object. Any change of the entry asks again.
        """
        entry = self._server(name).entry
        grant = grant_of(entry)
        self._granted.add(grant)
        if always and grant.values:
            self._remembered.add(grant, "\n".join(entry.origin()))

    def start(self, name: str) -> Future[ServerState]:
        """Start a server, unless it runs; the future has its state when it is ready."""
        server = self._server(name)
        if refused := self._refusal(name):
            return _failed(refused)

        async def started() -> ServerState:
            try:
                await server.start()
            except LocalqwqError as error:
                raise LocalqwqError(f"The server {name} does not run: {error}") from error
            return self._state(server)

        return self._loop.submit(started())

    def stop(self, name: str) -> Future[None]:
        """End a server."""
        return self._loop.submit(self._server(name).stop())

    def tools(self, *names: str) -> list[AgentTool]:
        """Return the tools of servers that are ready; of all such, or of those named."""
        chosen = [self._server(name) for name in names] or self._servers.values()
        found: dict[str, AgentTool] = {}
        for server in chosen:
            for tool in self._tools(server):
                found.setdefault(tool.name, tool)
        return list(found.values())

    def resources(self) -> list[OfferedResource]:
        """Return what can be attached, of all servers that are ready."""
        return [one for server in self._ready() for one in server.offers.resources]

    def prompts(self) -> list[OfferedPrompt]:
        """Return the prompts of all servers that are ready."""
        return [one for server in self._ready() for one in server.offers.prompts]

    def read(self, server: str, uri: str) -> Future[str]:
        """Return a resource's text, harmless; ``server``: its name or prefix."""

        async def text() -> str:
            session = await found.start()
            return await _worded(session.read(uri), f"{uri} of {server} cannot be read")

        found = self._server(server)
        refused = self._refusal(server)
        return _failed(refused) if refused else self._loop.submit(text())

    def prompt(self, server: str, name: str, arguments: Mapping[str, str]) -> Future[list[Message]]:
        """Return a prompt's messages, harmless; ``server``: its name or prefix."""

        async def messages() -> list[Message]:
            session = await found.start()
            return await _worded(
                session.prompt(name, arguments), f"{server} does not give the prompt {name}"
            )

        found = self._server(server)
        refused = self._refusal(server)
        return _failed(refused) if refused else self._loop.submit(messages())

    def close(self) -> None:
        """End all servers; blocks for up to some seconds."""
        if self._loop.is_running:
            with suppress(TimeoutError, CancelledError):
                self._loop.submit(self._stop_all()).result(_CLOSE_SECONDS)
        self._loop.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    async def _stop_all(self) -> None:
        await asyncio.gather(*(server.stop() for server in self._servers.values()))

    def _server(self, name: str) -> Server:
        for server in self._servers.values():
            if name in (server.entry.name, server.entry.prefix):
                return server
        known = ", ".join(self._servers) or "none"
        raise LocalqwqError(f"There is no MCP server {name!r}; there are: {known}.")

    def _refusal(self, name: str) -> str:
        """Return why a server must not be started; empty if it may be."""
        if find_spec("mcp") is None:
            return (
                "MCP servers need the package mcp, which is not installed: install localqwq with "
                "the extra mcp."
            )
        try:
            asks = self.asks(name)
        except LocalqwqError as error:
            return str(error)
        return f"{name} asks for more than others: it {asks}. Allow that first." if asks else ""

    def _ready(self) -> list[Session]:
        found = (server.session for server in self._servers.values())
        return [session for session in found if session is not None]

    def _is_granted(self, entry: Entry) -> bool:
        grant = grant_of(entry)
        return not grant.values or grant in self._granted or self._remembered.has(grant)

    def _state(self, server: Server) -> ServerState:
        entry, session = server.entry, server.session
        rights = asks = ""
        sentence = server.sentence
        if not entry.problem:
            try:
                rights = server.rights().in_words()
                asks = self.asks(entry.name)
            except LocalqwqError as error:
                sentence = sentence or str(error)
        if session is not None and session.offers.left_out:
            sentence = " ".join(session.offers.left_out)
        return ServerState(
            entry.name,
            entry.prefix,
            server.state,
            sentence,
            entry.url or shlex.join([entry.command, *entry.arguments]),
            rights,
            tuple(self._tools(server)),
            asks,
        )

    def _tools(self, server: Server) -> list[AgentTool]:
        """Return the tools of a server that is ready."""
        if server.session is None:
            return []
        found = [self._tool(server, offered) for offered in server.session.offers.tools]
        return [tool for tool in found if tool.name not in self._reserved]

    def _tool(self, server: Server, offered: OfferedTool) -> AgentTool:
        entry, rights = server.entry, server.rights()
        name = tool_name(entry.prefix, offered.name)
        limited = entry.significant.get(offered.name, ())
        opened = tuple(map(str, self._folders))

        def significant(arguments: Arguments) -> tuple[str, ...]:
            values = (json.dumps(arguments.get(one), sort_keys=True) for one in limited)
            return (*opened, *values)

        def in_words(arguments: Arguments) -> str:
            claims = f"\nThe server says that it {offered.claims}." if offered.claims else ""
            given = json.dumps(arguments, ensure_ascii=False)
            return f"{name} {given}\n{entry.name} {rights.in_words()}.{claims}"

        return AgentTool(
            name=name,
            description=offered.description,
            parameters=offered.parameters,
            run=partial(self._call, server, offered, name),
            check=lambda arguments: arguments,
            # What a server says about its effects is not believed; what it cannot do is known.
            effect=Effect.READ if rights.changes_nothing else Effect.CHANGE,
            significant=significant,
            in_words=in_words,
            long_results=True,
            origin=entry.origin(),
        )

    def _call(
        self, server: Server, offered: OfferedTool, name: str, arguments: Arguments, stop: Stop
    ) -> str:
        """Carry out a call; blocks."""

        def told(done: float, total: float | None, words: str) -> None:
            self._on_progress(CallProgress(name, done, total, words))

        future = self._loop.submit(server.call(offered, arguments, told))

        def leave() -> None:
            future.cancel()

        with stop.calling(leave):
            try:
                return future.result()
            except CancelledError:
                raise ToolFailed("The call was stopped.") from None


async def _worded(work: Awaitable[_Result], failure: str) -> _Result:
    """Return what ``work`` returns; raise its failure as a sentence that begins so."""
    try:
        return await work
    except Exception as error:  # whatever a foreign program answers
        raise LocalqwqError(f"{failure}: {refusal(error)}") from error


def _failed(sentence: str) -> Future[Any]:
    future: Future[Any] = Future()
    future.set_exception(LocalqwqError(sentence))
    return future
