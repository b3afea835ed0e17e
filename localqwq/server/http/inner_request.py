"""The chat completion request that another API's request amounts to; pure."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from localqwq.server.http.errors import InvalidRequestError
from localqwq.server.http.fields import first_problem
from localqwq.server.http.schema import ChatRequest


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
