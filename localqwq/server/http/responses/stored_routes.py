"""``/v1/responses/{id}``: reading, cancelling and deleting stored responses."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from localqwq.server.http.errors import InvalidRequestError
from localqwq.server.http.replies import json_response
from localqwq.server.http.responses.kept import KeptResponses, conversation

Json = dict[str, Any]
_MOST_ITEMS = 100


class StoredResponses:
    """The endpoints."""

    def __init__(self, kept: KeptResponses | None) -> None:
        """Set up; without ``kept``, nothing is ever stored."""
        self._maybe = kept

    async def get(self, request: Request) -> Response:
        """Return a response."""
        return json_response((await self._kept.get(request.path_params["id"])).response)

    async def delete(self, request: Request) -> Response:
        """Delete a response."""
        id_ = request.path_params["id"]
        await self._kept.delete(id_)
        return json_response({"id": id_, "object": "response", "deleted": True})

    async def cancel(self, request: Request) -> Response:
        """Stop a response that runs in the background."""
        return json_response(await self._kept.cancel(request.path_params["id"]))

    async def input_items(self, request: Request) -> Response:
        """Return the items that a response answers, with those of the responses before it."""
        chain = await self._kept.chain(await self._kept.get(request.path_params["id"]))
        items = [item for stored in chain[:-1] for item in conversation(stored)]
        items += chain[-1].items
        return json_response(_page(items, request))

    @property
    def _kept(self) -> KeptResponses:
        if self._maybe is None:
            raise InvalidRequestError("Responses are not stored here.", status=404)
        return self._maybe


def _page(items: list[Json], request: Request) -> Json:
    """Return the part of the items that a query wants; the newest come first."""
    query = request.query_params
    limit, order, after = query.get("limit", "20"), query.get("order", "desc"), query.get("after")
    if not (limit.isascii() and limit.isdigit() and 1 <= int(limit[:9]) <= _MOST_ITEMS):
        raise InvalidRequestError(f"limit must be from 1 to {_MOST_ITEMS}.", "limit")
    if order not in ("asc", "desc"):
        raise InvalidRequestError("order must be asc or desc.", "order")
    ordered = items if order == "asc" else items[::-1]
    if after is not None:
        ids = [item["id"] for item in ordered]
        if after not in ids:
            raise InvalidRequestError(f"There is no item {after[:80]!r} here.", "after")
        ordered = ordered[ids.index(after) + 1 :]
    shown = ordered[: int(limit)]
    return {
        "object": "list",
        "data": shown,
        "first_id": shown[0]["id"] if shown else None,
        "last_id": shown[-1]["id"] if shown else None,
        "has_more": len(ordered) > len(shown),
    }
