"""Requests about a running thought: the answer now, or a larger budget."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

from starlette.requests import Request
from starlette.responses import Response

from localqwq.server.engine.messages import Steered
from localqwq.server.engine.remote import Channel
from localqwq.server.http.body import read_json
from localqwq.server.http.errors import InvalidRequestError
from localqwq.server.http.fields import Part, ThoughtBudget
from localqwq.server.http.replies import json_response


class BudgetRequest(Part):
    """The body of ``POST /v1/chat/completions/{id}/budget``."""

    reasoning_budget: ThoughtBudget
    """Maximum tokens, counted from the beginning of the thought; -1: no limit."""


class RunningThoughts:
    """The running and queued completions, by the id in their chunks, and their endpoints."""

    def __init__(self) -> None:
        self._running: dict[str, Channel] = {}

    @contextmanager
    def listed(self, id_: str, channel: Channel) -> Iterator[None]:
        """Register an id as long as the context lasts."""
        self._running[id_] = channel
        try:
            yield
        finally:
            del self._running[id_]

    async def answer(self, request: Request) -> Response:
        """``POST …/{id}/answer``: close the thought at its next sentence, and answer."""
        return await self._reply(request, Channel.answer_now)

    async def budget(self, request: Request) -> Response:
        """``POST …/{id}/budget``: set the thought's maximum tokens."""
        wanted = await read_json(BudgetRequest, request.scope, request.receive)
        tokens = None if wanted.reasoning_budget < 0 else wanted.reasoning_budget
        return await self._reply(request, lambda channel: channel.grant(tokens))

    async def _reply(
        self, request: Request, ask: Callable[[Channel], Awaitable[Steered]]
    ) -> Response:
        id_ = request.path_params["id"]
        if (channel := self._running.get(id_)) is None:
            raise InvalidRequestError(
                f"No completion {id_[:80]!r} is running; it may have ended.", status=404
            )
        steered = await ask(channel)
        if not steered.done:
            raise InvalidRequestError(f"The completion {id_!r} is no longer thinking.", status=409)
        budget = -1 if steered.budget is None else steered.budget
        return json_response({"id": id_, "reasoning_budget": budget})
