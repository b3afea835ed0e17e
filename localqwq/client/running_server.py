"""The server of this user that is running, and the models that it has."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx2

from localqwq.client.client import Client
from localqwq.client.endpoints import FoundEndpoint
from localqwq.client.errors import EndpointError
from localqwq.endpoint import Endpoint
from localqwq.errors import LocalqwqError
from localqwq.locations import running_socket
from localqwq.models.spec import is_path, resolve

_SECONDS = 60.0
_PAUSE = 1.0
"""Seconds between connections to a server that closes them without ending."""


class ServerEnded(LocalqwqError):
    """The running server ended while it was used."""


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A model of the server."""

    model: str
    state: str
    """``asleep``, ``loading`` or ``ready``."""
    bytes: int | None = None
    """What it takes in memory; ``None`` while it is asleep."""
    context: int | None = None
    """Tokens."""
    idle_s: float | None = None
    """Seconds since the last request."""
    requests: int = 0
    """Requests that use it."""


class RunningServer:
    """A connection to the server; close it with ``with``."""

    def __init__(self, socket: Path) -> None:
        """Set up; ``socket``: where it listens."""
        self._http = httpx2.Client(
            transport=_transport(socket), base_url="http://localhost", timeout=_SECONDS
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._http.close()

    def models(self) -> list[ServedModel]:
        """Return all models, those in memory first; raises ``LocalqwqError``."""
        held = [_held(one) for one in self._asked("GET", "/api/ps")["models"]]
        known = {one.model for one in held}
        listed = self._asked("GET", "/v1/models")["data"]
        asleep = [one for one in listed if one["id"] not in known]
        return [*held, *(ServedModel(one["id"], one["state"]) for one in asleep)]

    def named(self, model: str) -> str:
        """Return the full name of an installed model.

        Raises ``LocalqwqError`` if there is none of that name.
        """
        found = self._asked("GET", f"/v1/models/{quote(model, safe=':/')}")
        if found.get("removed"):
            raise LocalqwqError(f"{found['id']} is not installed any more.")
        return str(found["id"])

    def stop(self, model: str) -> tuple[str, int]:
        """Put a model to sleep once it has answered; return its full name, and how many requests
        use it. Raises ``LocalqwqError``.
        """
        done = self._asked("POST", "/models/unload", {"model": model})
        return done["model"], done["requests"]

    def _asked(self, method: str, path: str, body: Any = None) -> Any:
        try:
            reply = self._http.request(method, path, json=body)
            document = reply.json()
        except (httpx2.HTTPError, ValueError) as error:
            raise LocalqwqError(f"The server does not answer ({error}).") from None
        if reply.is_success:
            return document
        raise LocalqwqError(document["error"]["message"])


def running_model(spec: str | None) -> FoundEndpoint | None:
    """Return where a model is served by the running server; ``None`` if it is not.

    ``spec``: as on the command line, ``None`` for the default model. Files are not looked for.
    """
    socket = running_socket()
    if socket is None or (spec is not None and is_path(spec)) or not is_running(socket):
        return None
    with suppress(LocalqwqError), RunningServer(socket) as server:
        name = server.named(spec or resolve(None).spec)
        return FoundEndpoint(Endpoint("http://localhost", uds=str(socket)), name)
    return None


def unload(models: Iterable[str]) -> list[tuple[str, int]]:
    """Have the running server, if there is one, put models to sleep once they have answered.

    Returns, of those that were in memory, the full names, and how many requests use each.
    """
    socket = running_socket()
    if socket is None or not is_running(socket):
        return []
    done = []
    with RunningServer(socket) as server:
        for model in models:
            with suppress(LocalqwqError):  # it is not in memory
                done.append(server.stop(model))
    return done


def is_running(socket: Path) -> bool:
    """Return whether a server listens there."""
    try:
        with httpx2.Client(transport=_transport(socket)) as http:
            return http.get("http://localhost/health").status_code in (200, 503)
    except httpx2.HTTPError:
        return False


def _transport(socket: Path) -> httpx2.HTTPTransport:
    # No certificates are needed, and reading them takes a while.
    return httpx2.HTTPTransport(uds=str(socket), verify=False)


@asynccontextmanager
async def running_client(running: FoundEndpoint) -> AsyncIterator[Client]:
    """Yield a client of the running server; raises ``ServerEnded`` if that ends meanwhile."""
    async with Client(running.endpoint) as client:
        try:
            yield client
        except EndpointError:
            if is_running(Path(running.endpoint.uds or "")):
                raise
            raise ServerEnded(
                "The running server ended before the answer was complete: ask again."
            ) from None


async def ended(socket: Path) -> None:
    """Return once no server listens there (any more); until then, hold an idle connection."""
    pause = 0.0
    while True:
        try:
            reader, writer = await asyncio.open_unix_connection(str(socket))
        except OSError:
            return
        try:
            await asyncio.sleep(pause)
            with suppress(OSError):
                await reader.read()
        finally:
            writer.close()
        pause = _PAUSE


def _held(one: dict[str, Any]) -> ServedModel:
    return ServedModel(
        one["name"], one["state"], one["bytes"], one["context_length"], one["idle_s"],
        one["requests"],
    )  # fmt: skip
