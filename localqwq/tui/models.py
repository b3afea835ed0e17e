"""The models that a session can talk to: one in a child process, or a remote endpoint."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from localqwq.endpoint import Endpoint
from localqwq.errors import LocalqwqError

if TYPE_CHECKING:
    from localqwq.client.client import Client
    from localqwq.server.deaths import Death
    from localqwq.server.launch import Launch
    from localqwq.server.supervisor import Supervisor


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


class Model(Protocol):
    """Something that answers after `prepare` and `connect`."""

    async def prepare(self) -> Facts:
        """Finds the model; raises LocalqwqError."""

    async def connect(self, context: int | None = None) -> Client:
        """A client of the model, which answers from now on; called again after a death.

        `context`: tokens, where they are other than those it was prepared with. Raises
        LocalqwqError, and the kind LoadFailed where another attempt makes sense.
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


class LocalModel:
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
        return Facts(local.name, local.quant, local.launch.name, local.launch.context)

    async def connect(self, context: int | None = None) -> Client:
        """Starts the child, or starts it again."""
        from localqwq.client.client import Client
        from localqwq.server.supervisor import Supervisor

        if self._local is None:
            raise LocalqwqError("The model was not prepared before it was loaded.")
        if self._supervisor is None:
            self._supervisor = Supervisor(self._local.launch)
        if context is not None and context != self._supervisor.launch.context:
            self._supervisor.launch = self._local.launch.with_context(context)
        await self._close_client()
        self._client = Client(await self._supervisor.restart())
        return self._client

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

    def __init__(self, endpoint: Endpoint, name: str | None = None) -> None:
        """Without a `name` the endpoint's first model is used."""
        self._endpoint = endpoint
        self._name = name
        self._client: Client | None = None

    async def prepare(self) -> Facts:
        """Asks the endpoint for its models."""
        names = await (await self.connect()).models()
        if not names:
            raise LocalqwqError(f"{self._endpoint.url} serves no model.")
        name = self._name or names[0]
        return Facts(name, served=name)

    async def connect(self, context: int | None = None) -> Client:
        """A client; the endpoint itself is not ours to start."""
        from localqwq.client.client import Client

        if self._client is None:
            self._client = Client(self._endpoint)
        return self._client

    async def died(self) -> Death:
        """Never: what happens to the endpoint shows in its answers."""
        never: asyncio.Future[Death] = asyncio.get_running_loop().create_future()
        return await never

    async def close(self) -> None:
        """Closes the connections."""
        if self._client is not None:
            await self._client.close()
