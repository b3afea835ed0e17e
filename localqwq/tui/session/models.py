"""The models that a session can use: one in a child process, or a remote endpoint."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from localqwq.client.options import GATHERED_ON_PROCESSOR_S, GATHERED_S
from localqwq.errors import LocalqwqError

if TYPE_CHECKING:
    from localqwq.client.chat_client import ChatClient
    from localqwq.client.client import Client
    from localqwq.client.endpoints import FoundEndpoint
    from localqwq.client.local_client import LocalClient
    from localqwq.models.launch import Launch
    from localqwq.server.engine.remote import RemoteEngine
    from localqwq.server.supervision.deaths import Death
    from localqwq.server.supervision.supervisor import Supervisor


@dataclass(frozen=True, slots=True)
class Facts:
    """What the status line shows about a model."""

    name: str
    quant: str = ""
    """Empty if it is unknown."""
    served: str = ""
    """The model's name in requests."""
    context: int | None = None
    """Context in tokens; None if it is unknown."""
    problems: tuple[str, ...] = ()
    """One sentence for each part of this machine that it cannot use."""
    gathered: float = GATHERED_S
    """Seconds over which its tokens may be batched."""
    reads: float | None = None
    """Prompt tokens per second, as planned from measurements; None if unknown."""


@dataclass(frozen=True, slots=True)
class Gone:
    """The end of a server that the app used and did not start."""

    sentence: str


class Model(Protocol):
    """A model that answers after ``prepare`` and ``connect``."""

    async def prepare(self) -> Facts:
        """Find the model; raises LocalqwqError."""

    async def connect(self, on_progress: Callable[[float], None] | None = None) -> ChatClient:
        """Return a client of the running model; called again after it died.

        ``on_progress`` is called with the fraction loaded, from 0 to 1. Raises LocalqwqError, and
        its subclass LoadFailed if another attempt makes sense.
        """

    async def take_less(self, death: Death) -> tuple[Facts, str] | None:
        """Make the next ``connect`` use less memory than the run that died.

        Returns the model's new facts, and the change for people; None if nothing is left to give
        up.
        """

    async def died(self) -> Death | Gone:
        """Wait until the model dies unexpectedly; after ``Gone``, ``prepare`` finds it anew."""

    async def close(self) -> None:
        """End what ``connect`` started."""


@dataclass(frozen=True, slots=True)
class Local:
    """A model on this machine, and how its engine is started."""

    name: str
    quant: str
    launch: Launch
    """How to launch it; its name is the model's name in requests."""

    @property
    def facts(self) -> Facts:
        """Return what the status line shows about it."""
        launch = self.launch
        gathered = GATHERED_S if launch.load.gpu_layers else GATHERED_ON_PROCESSOR_S
        context = launch.load.context
        reads = launch.plan.speed.prefill if launch.plan else None
        problems = launch.problems
        return Facts(self.name, self.quant, launch.name, context, problems, gathered, reads)


class ChildModel:
    """A model in a supervised child process."""

    def __init__(self, find: Callable[[], Local]) -> None:
        """Set up; ``find`` may take seconds and is called in a thread, after the app is drawn."""
        self._find = find
        self._local: Local | None = None
        self._supervisor: Supervisor[RemoteEngine] | None = None
        self._client: LocalClient | None = None

    async def prepare(self) -> Facts:
        """Find the model, convert the demo if needed, and plan how to load it."""
        local = self._local = await asyncio.to_thread(self._found)
        return local.facts

    def _found(self) -> Local:
        """Find the model while an engine's process starts.

        It does not load before :meth:`connect`: another model may have to leave memory first.
        """
        from localqwq.server.supervision.waiting import waiting_engine

        waiting_engine.begin()
        try:
            return self._find()
        except BaseException:
            waiting_engine.end()
            raise

    async def connect(self, on_progress: Callable[[float], None] | None = None) -> ChatClient:
        """Start or restart the child."""
        from localqwq.client.local_client import LocalClient
        from localqwq.server.supervision.own_engine import own_engine

        if self._local is None:
            raise LocalqwqError("The model was not prepared before it was loaded.")
        if self._supervisor is None:
            self._supervisor = own_engine(self._local.launch)
        self._supervisor.launch = self._local.launch
        await self._close_client()
        engine = await self._supervisor.restart(on_progress)
        self._client = LocalClient(engine, self._supervisor.launch.name)
        return self._client

    async def take_less(self, death: Death) -> tuple[Facts, str] | None:
        """Plan again with the machine as it is now."""
        from localqwq.server.supervision.step_down import lesser

        if self._local is None:
            return None
        found = await asyncio.to_thread(lesser, self._local.launch, death)
        if found is None:
            return None
        plan = found.launch.plan
        quant = plan.facts.quant if plan else self._local.quant
        self._local = replace(self._local, launch=found.launch, quant=quant)
        return self._local.facts, found.change

    async def died(self) -> Death:
        """Wait for the child to end by itself."""
        if self._supervisor is None:
            raise LocalqwqError("The model was not started.")
        return await self._supervisor.died()

    async def close(self) -> None:
        """End the child."""
        from localqwq.server.supervision.waiting import waiting_engine

        await self._close_client()
        await asyncio.to_thread(waiting_engine.end)
        if self._supervisor is not None:
            await self._supervisor.stop()

    async def _close_client(self) -> None:
        if self._client is not None:
            client, self._client = self._client, None
            await client.close()


class LocalModel:
    """A model of this machine: in the server that is running, if it has it, else in a child."""

    def __init__(
        self, running: Callable[[], FoundEndpoint | None], find: Callable[[], Local]
    ) -> None:
        """Set up; both are called in a thread, after the app is drawn: ``running`` looks for the
        model in the running server, ``find`` for how to load it.
        """
        self._running = running
        self._find = find
        self._model: Model | None = None
        self._socket: Path | None = None
        """Of the server, if that has the model."""

    async def prepare(self) -> Facts:
        """Find out who has the model."""
        await self.close()
        running = await asyncio.to_thread(self._running)
        self._socket = None
        if running is None or running.model is None:
            self._model = ChildModel(self._find)
            return await self._model.prepare()
        self._model = RemoteModel(lambda: running)
        self._socket = Path(running.endpoint.uds) if running.endpoint.uds else None
        facts = await self._model.prepare()
        name, _, quant = running.model.partition(":")
        return replace(facts, name=name, quant=quant, gathered=GATHERED_ON_PROCESSOR_S)

    async def connect(self, on_progress: Callable[[float], None] | None = None) -> ChatClient:
        """Start or restart the child, or connect to the server."""
        return await self._found.connect(on_progress)

    async def take_less(self, death: Death) -> tuple[Facts, str] | None:
        """Have the child take less; the server does so itself."""
        return await self._found.take_less(death)

    async def died(self) -> Death | Gone:
        """Wait for the child or the server to end."""
        if self._socket is None:
            return await self._found.died()
        from localqwq.client.running_server import ended

        await ended(self._socket)
        return Gone("The server that had the model has ended, so it is being loaded again.")

    async def close(self) -> None:
        """End the child, or the connections."""
        if self._model is not None:
            await self._model.close()

    @property
    def _found(self) -> Model:
        if self._model is None:
            raise LocalqwqError("The model was not prepared before it was loaded.")
        return self._model


class RemoteModel:
    """A model behind an OpenAI-compatible endpoint."""

    def __init__(self, find: Callable[[], FoundEndpoint], name: str | None = None) -> None:
        """Set up; ``find`` may wait for the keyring and is called in a thread after the start.

        Without a ``name``, the endpoint's configured model is used, else its first one.
        """
        self._find = find
        self._name = name
        self._client: Client | None = None

    async def prepare(self) -> Facts:
        """Find the endpoint, and ask for its models."""
        from localqwq.client.errors import EndpointError

        client = await self._connected()
        try:
            names = await client.models()
        except EndpointError as error:
            if self._name is None or error.status != 404:
                raise
            names = [self._name]  # it has no list of them
        if not names:
            raise LocalqwqError("The endpoint serves no model: start one there, or name it.")
        name = self._name or names[0]
        return Facts(name, served=name)

    async def connect(self, on_progress: Callable[[float], None] | None = None) -> Client:
        """Return a client; the endpoint itself is not started here."""
        return await self._connected()

    async def take_less(self, death: Death) -> tuple[Facts, str] | None:
        """Return None: the endpoint's memory is not managed here."""
        return None

    async def died(self) -> Death:
        """Wait forever: the endpoint's problems show in its answers."""
        never: asyncio.Future[Death] = asyncio.get_running_loop().create_future()
        return await never

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.close()

    async def _connected(self) -> Client:
        from localqwq.client.client import Client

        if self._client is None:
            found = await asyncio.to_thread(self._find)
            self._name = self._name or found.model
            self._client = Client(found.endpoint)
        return self._client
