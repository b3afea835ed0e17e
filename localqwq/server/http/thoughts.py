"""Requests about a running thought: the answer now, or a larger budget."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from starlette.requests import Request
from starlette.responses import Response

from localqwq.reasoning.budget import ThoughtControl
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
        self._controls: dict[str, Sequence[ThoughtControl]] = {}

    @contextmanager
    def listed(self, id_: str, controls: Sequence[ThoughtControl]) -> Iterator[None]:
        """Register an id as long as the context lasts; ``controls``: one for each choice."""
        self._controls[id_] = controls
        try:
            yield
        finally:
            del self._controls[id_]

    async def answer(self, request: Request) -> Response:
        """``POST …/{id}/answer``: close the thought at its next sentence, and answer."""
        return self._reply(request, ThoughtControl.answer_now)

    async def budget(self, request: Request) -> Response:
        """``POST …/{id}/budget``: set the thought's maximum tokens."""
        wanted = await read_json(BudgetRequest, request.scope, request.receive)
        tokens = None if wanted.reasoning_budget < 0 else wanted.reasoning_budget
        return self._reply(request, lambda control: control.grant(tokens))

    def _reply(self, request: Request, ask: Callable[[ThoughtControl], bool]) -> Response:
        id_ = request.path_params["id"]
        if (controls := self._controls.get(id_)) is None:
            raise InvalidRequestError(
                f"No completion {id_[:80]!r} is running; it may have ended.", status=404
            )
        asked = [control for control in controls if ask(control)]
        if not asked:
            raise InvalidRequestError(f"The completion {id_!r} is no longer thinking.", status=409)
        budget = -1 if asked[0].budget is None else asked[0].budget
        return json_response({"id": id_, "reasoning_budget": budget})
