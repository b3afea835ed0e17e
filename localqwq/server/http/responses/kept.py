"""Responses that are kept: continued, read again, and generated while nobody waits."""

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from localqwq.errors import LocalqwqError
from localqwq.server.http.errors import InvalidRequestError
from localqwq.server.http.responses.schema import InputItem, ResponsesRequest
from localqwq.server.http.responses.store import ResponseStore, StoredResponse

_LOGGER = logging.getLogger(__name__)

Json = dict[str, Any]

Generate = Callable[[Callable[[], None]], Awaitable[Json]]
"""Generates a response in the background and returns it; calls its argument once it has begun."""


class KeptResponses:
    """The stored responses of a server, and those that run in the background."""

    def __init__(self, store: ResponseStore) -> None:
        self._store = store
        self._running: dict[str, asyncio.Task[None]] = {}

    async def whole(
        self, request: ResponsesRequest
    ) -> tuple[ResponsesRequest, Sequence[InputItem]]:
        """Return the request with the whole conversation in ``input``, and the items of its own.

        Raises ``InvalidRequestError`` for what is not stored.
        """
        before: list[Json] = []
        if (previous := request.previous_response_id) is not None:
            chain = await asyncio.to_thread(self._store.chain, previous)
            if chain is None:
                raise InvalidRequestError(
                    f"The response {previous[:80]!r}, or one that it continues, is not stored (any "
                    "more): send the whole conversation in input.",
                    "previous_response_id",
                    "previous_response_not_found",
                )
            if any(_is_open(stored.response) for stored in chain):
                raise InvalidRequestError(
                    f"The response {previous[:80]!r} is not complete.", "previous_response_id"
                )
            before = [item for stored in chain for item in conversation(stored)]
        items = [InputItem.model_validate(item) for item in before]
        own = [await self._referred(item) for item in request.input]
        told = {"previous_response_id": None, "background": None, "input": [*items, *own]}
        return request.model_copy(update=told), own

    async def _referred(self, item: InputItem) -> InputItem:
        if item.type != "item_reference":
            return item
        found = await asyncio.to_thread(self._store.item, item.id or "")
        if found is None:
            raise InvalidRequestError(
                f"The item {(item.id or '')[:80]!r} is not stored (any more): send it whole.",
                "input",
            )
        return InputItem.model_validate(found)

    async def keep(self, response: Json, items: Sequence[InputItem], previous: str | None) -> None:
        """Store a response with the items of its request."""
        given = list(map(_with_id, items))
        await asyncio.to_thread(self._store.put, StoredResponse(response, given, previous))

    async def get(self, id_: str) -> StoredResponse:
        """Return a stored response; raises ``InvalidRequestError`` if there is none."""
        stored = await asyncio.to_thread(self._store.get, id_)
        if stored is None:
            raise InvalidRequestError(f"There is no response {id_[:80]!r}.", status=404)
        if _is_open(stored.response) and id_ not in self._running:
            failure = {"code": "server_error", "message": "The server ended before the answer did."}
            lost = stored.response | {"status": "failed", "error": failure}
            return StoredResponse(lost, stored.items, stored.previous)
        return stored

    async def chain(self, stored: StoredResponse) -> list[StoredResponse]:
        """Return a stored response and those that it continues, as far as they are stored."""
        chain = await asyncio.to_thread(self._store.chain, stored.id)
        return [stored] if chain is None else chain

    async def delete(self, id_: str) -> None:
        """Delete a response, even a running one; raises ``InvalidRequestError``."""
        await self._stop(id_)
        if not await asyncio.to_thread(self._store.delete, id_):
            raise InvalidRequestError(f"There is no response {id_[:80]!r}.", status=404)

    async def cancel(self, id_: str) -> Json:
        """Stop a response that runs in the background, and return it.

        Raises ``InvalidRequestError`` if it never did.
        """
        await self._stop(id_)
        response = (await self.get(id_)).response
        if not response.get("background"):
            raise InvalidRequestError("Only responses in the background can be cancelled.")
        return response

    async def start(
        self,
        response: Json,
        items: Sequence[InputItem],
        previous: str | None,
        generate: Generate,
    ) -> Json:
        """Generate a response in the background; return its state, once it has begun.

        Raises what prevents its beginning.
        """
        begun = asyncio.Event()
        id_ = response["id"]

        async def run() -> None:
            result = response | {"status": "cancelled"}
            try:
                result = await generate(begun.set)
            finally:
                if begun.is_set():
                    await self._keep_at_last(result, items, previous)
                del self._running[id_]

        response = response | {"status": "in_progress"}
        await self.keep(response, items, previous)
        task = self._running[id_] = asyncio.create_task(run())
        waiting = asyncio.create_task(begun.wait())
        await asyncio.wait([task, waiting], return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if not begun.is_set():
            await asyncio.to_thread(self._store.delete, id_)
            await task  # raises why
        return response

    async def _keep_at_last(
        self, response: Json, items: Sequence[InputItem], previous: str | None
    ) -> None:
        """Store a response that nobody waits for; if that fails, the log says so."""
        try:
            await self.keep(response, items, previous)
        except LocalqwqError as error:
            _LOGGER.warning("%s", error)

    async def _stop(self, id_: str) -> None:
        if (task := self._running.get(id_)) is not None:
            task.cancel()
            await asyncio.wait([task])


def conversation(stored: StoredResponse) -> list[Json]:
    """Return the items of a request and those of its answer."""
    return [*stored.items, *stored.response["output"]]


def _is_open(response: Json) -> bool:
    return bool(response["status"] == "in_progress")


def _with_id(item: InputItem) -> Json:
    given = item.model_dump(exclude_none=True, mode="json")
    return {"id": f"item_{uuid.uuid4().hex}"} | given
