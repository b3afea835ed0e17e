"""The chat completion request that another API's request amounts to; pure."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from localqwq.server.http.errors import InvalidRequestError
from localqwq.server.http.fields import first_problem
from localqwq.server.http.schema import ChatRequest


def function_tool(
    name: str | None,
    description: str | None,
    parameters: Mapping[str, Any] | None,
    strict: bool | None,
) -> dict[str, Any]:
    """Return a tool as chat completions describe it; what is None is left out."""
    values = {"description": description, "parameters": parameters, "strict": strict}
    given = {key: value for key, value in values.items() if value is not None}
    return {"type": "function", "function": {"name": name, **given}}


def chat_request(fields: Mapping[str, Any]) -> ChatRequest:
    """Return the chat completion request with these fields; null ones are left out.

    Raises ``InvalidRequestError`` if a value is not allowed.
    """
    given = {name: value for name, value in fields.items() if value is not None}
    try:
        return ChatRequest.model_validate(given)
    except ValidationError as error:
        param, message = first_problem(error)
    raise InvalidRequestError(message, param)
