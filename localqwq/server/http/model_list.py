"""The list of models, their states, and requests to load or unload one."""

import time
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from localqwq.server.http.body import read_json
from localqwq.server.http.fields import Part
from localqwq.server.http.replies import json_response
from localqwq.server.pool.held import HeldModel
from localqwq.server.pool.pool import Listing, Pool
from localqwq.server.pool.source import Listed

Json = dict[str, Any]
_STATUS = {"asleep": "unloaded", "loading": "loading", "ready": "loaded"}
"""llama-server's words for the states."""


class ModelRequest(Part):
    """The body of ``POST /models/load`` and ``POST /models/unload``."""

    model: str
    """The model's name."""


class ModelList:
    """The endpoints."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._created = int(time.time())

    async def all(self, _: Request) -> Response:
        """``GET /v1/models``."""
        data = [self._described(one) for one in await self._pool.listings()]
        return json_response({"object": "list", "data": data})

    async def one(self, request: Request) -> Response:
        """``GET /v1/models/{id}``; one that was removed is known while it is in memory."""
        held = await self._pool.named(request.path_params["id"])
        listings = await self._pool.listings()
        for one in listings:
            if one.listed.name == held.name:
                return json_response(self._described(one))
        return json_response(self._described(Listing(Listed(held.name), held)) | {"removed": True})

    async def load(self, request: Request) -> Response:
        """``POST /models/load``: begin to load a model."""
        held = await self._named_in(request)
        self._pool.load_soon(held)
        return json_response({"success": True, "model": held.name, "state": held.state})

    async def unload(self, request: Request) -> Response:
        """``POST /models/unload``: put a model to sleep once no request uses it."""
        held = await self._named_in(request)
        self._pool.unload_soon(held)
        return json_response({"success": True, "model": held.name, "requests": held.running})

    async def _named_in(self, request: Request) -> HeldModel:
        wanted = await read_json(ModelRequest, request.scope, request.receive)
        return await self._pool.named(wanted.model)

    def _described(self, listing: Listing) -> Json:
        listed, held = listing.listed, listing.held
        state = "asleep" if held is None else held.state
        described: Json = {
            "id": listed.name,
            "object": "model",
            "created": self._created,
            "owned_by": "localqwq",
            "state": state,
            "status": {"value": _STATUS[state]},
        }
        if listed.verdict is not None:
            described["plan"] = {"fits": listed.fits, "verdict": listed.verdict}
        if state == "loading" and held is not None:
            described["progress"] = round(held.progress, 2)
        if state == "asleep" and held is not None and held.failure is not None:
            described["problem"] = str(held.failure)
        return described
