"""The user's default values for requests.

They take precedence over those of the model and its pack, but not over the request's own.
"""

from typing import Annotated, Self

from pydantic import Field

from localqwq.server.http.fields import SamplingFields, ThoughtBudget, TokenLimit
from localqwq.server.http.schema import ChatRequest, Effort

_THINKING = ("reasoning_budget", "reasoning_effort")


class RequestDefaults(SamplingFields):
    """Fields of requests, under the same names and with the same limits."""

    max_tokens: TokenLimit = None
    reasoning_effort: Effort | None = None
    reasoning_budget: ThoughtBudget | None = None
    reasoning_budget_message: Annotated[str, Field(max_length=2000)] | None = None
    loop_detection: bool | None = None

    @classmethod
    def parse(cls, text: str | None) -> Self:
        """Return the defaults in a command line's JSON; none for None."""
        return cls.model_validate_json(text or "{}")

    def fill(self, request: ChatRequest) -> ChatRequest:
        """Return the request with these values where it has none; sampling is handled
        separately.
        """
        names = {"reasoning_budget_message", "loop_detection"}
        if request.limit is None:
            names.add("max_tokens")
        if request.reasoning_budget is None and request.effort is None and not request.thinking:
            names.update(_THINKING)
        values = self.model_dump(include=names, exclude_none=True)
        missing = {name: value for name, value in values.items() if getattr(request, name) is None}
        return request.model_copy(update=missing) if missing else request
