"""A client of a server that somebody named."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from localqwq.client.client import Client


@asynccontextmanager
async def endpoint_client(
    endpoint: str, model: str | None, opens_thought: bool | None
) -> AsyncIterator[tuple[Client, str | None]]:
    """Yield a client, and the id of the model: the named one, the settings', or the first listed.

    ``endpoint``: a URL, or a name from the settings; ``opens_thought``: whether its answers begin
    inside the thought, None for what is known of it.
    """
    from localqwq.client.client import Client
    from localqwq.client.endpoints import wanted_endpoint

    found = wanted_endpoint(endpoint, opens_thought)
    async with Client(found.endpoint) as client:
        yield client, model or found.model or next(iter(await client.models()), None)
