"""The models that a session can talk to: one in a child process, or a remote endpoint."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from localqwq.client.options import GATHERED_ON_PROCESSOR_S, GATHERED_S
from localqwq.errors import LocalqwqError

if TYPE_CHECKING:
    from localqwq.client.client import Client
    from localqwq.client.endpoints import FoundEndpoint
    from localqwq.models.launch import Launch
    from localqwq.server.supervision.deaths import Death
    from localqwq.server.supervision.supervisor import Supervisor


@dataclass(frozen=True, slots=True)
class Facts:
    """What the status line says of a model."""

    name: str
    quant: str = ""
    """Empty where it is not known."""
    served: str = ""
    """What requests call it."""
    context: int | None = None
    """Tokens; None where it is not known."""
    problems: tuple[str, ...] = ()
    """What it has to do without on this machine: a sentence for each thing."""
    gathered: float = GATHERED_S
    """Seconds of which its tokens may come together."""
    reads: float | None = None
    """Tokens of a prompt a second, as planned from what was measured here; None: not known."""


class Model(Protocol):
    """Something that answers after `prepare` and `connect`."""

    async def prepare(self) -> Facts:
        """Finds the model; raises LocalqwqError."""

    async def connect(self, on_progress: Callable[[float], None] | None = None) -> Client:
        """A client of the model, which answers from now on; called again after a death.

        `on_progress` is told what part of the model is loaded, 0 to 1. Raises LocalqwqError, and
        the kind LoadFailed where another attempt makes sense.
        """

    async def take_less(self, death: Death) -> tuple[Facts, str] | None:
        """Have the next `connect` take less memory than the life that ended so.

        What the model is like then, and for people what is changed; None where nothing is left to
        give up.
        """

    async def died(self) -> Death:
        """Waits until the model dies unasked."""

    async def close(self) -> None:
        """Ends what `connect` started."""


@dataclass(frozen=True, slots=True)
class Local:
    """A model that was found on this machine, and how its engine is started."""

    name: str
    quant: str
    launch: Launch
    """Its name is what requests call the model."""

    @property
    def facts(self) -> Facts:
        """What the status line says of it."""
        launch = self.launch
        gathered = GATHERED_S if launch.load.gpu_layers else GATHERED_ON_PROCESSOR_S
        context = launch.load.context
        reads = launch.plan.speed.prefill if launch.plan else None
        problems = launch.problems
        return Facts(self.name, self.quant, launch.name, context, problems, gathered, reads)


class ChildModel:
    """A model in a supervised child process."""

    def __init__(self, find: Callable[[], Local]) -> None:
        """`find` may take seconds and is called in a thread, after the app is drawn."""
        self._find = find
        self._local: Local | None = None
        self._supervisor: Supervisor | None = None
        self._client: Client | None = None

    async def prepare(self) -> Facts:
        """Finds the model, converts the demo if need be, and plans how to load it."""
        local = self._local = await asyncio.to_thread(self._find)
        return local.facts

    async def connect(self, on_progress: Callable[[float], None] | None = None) -> Client:
        """Starts the child, or starts it again."""
        from localqwq.client.client import Client
        from localqwq.server.supervision.supervisor import Supervisor

        if self._local is None:
            raise LocalqwqError("The model was not prepared before it was loaded.")
        if self._supervisor is None:
            self._supervisor = Supervisor(self._local.launch)
        self._supervisor.launch = self._local.launch
        await self._close_client()
        self._client = Client(await self._supervisor.restart(on_progress))
        return self._client

    async def take_less(self, death: Death) -> tuple[Facts, str] | None:
        """Plans anew, with what this machine has now."""
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
        """Waits for the child to end by itself."""
        if self._supervisor is None:
            raise LocalqwqError("The model was not started.")
        return await self._supervisor.died()

    async def close(self) -> None:
        """Ends the child."""
        await self._close_client()
        if self._supervisor is not None:
            await self._supervisor.stop()

    async def _close_client(self) -> None:
        if self._client is not None:
            client, self._client = self._client, None
            await client.close()


class RemoteModel:
    """A model behind somebody's OpenAI-compatible endpoint."""

    def __init__(self, find: Callable[[], FoundEndpoint], name: str | None = None) -> None:
        """`find` may wait for the keyring and is called in a thread, after the app is drawn.

        Without a `name` the one that was found with the endpoint is used, else its first model.
        """
        self._find = find
        self._name = name
        self._client: Client | None = None

    async def prepare(self) -> Facts:
        """Finds the endpoint, and asks it for its models."""
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
        """A client; the endpoint itself is not ours to start."""
        return await self._connected()

    async def take_less(self, death: Death) -> tuple[Facts, str] | None:
        """Nothing: its memory is not ours."""
        return None

    async def died(self) -> Death:
        """Never: what happens to the endpoint shows in its answers."""
        never: asyncio.Future[Death] = asyncio.get_running_loop().create_future()
        return await never

    async def close(self) -> None:
        """Closes the connections."""
        if self._client is not None:
            await self._client.close()

    async def _connected(self) -> Client:
        from localqwq.client.client import Client

        if self._client is None:
            found = await asyncio.to_thread(self._find)
            self._name = self._name or found.model
            self._client = Client(found.endpoint)
        return self._client
