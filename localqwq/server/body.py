"""A request's body, read whole and checked."""

from typing import TypeVar

from pydantic import ValidationError
from starlette.types import Receive

from localqwq.server.errors import InvalidRequestError
from localqwq.server.fields import Part

_LIMIT = 32 * 1024 * 1024
"""Bytes: more than the longest context can hold."""

Body = TypeVar("Body", bound=Part)


async def read_body(receive: Receive) -> bytes:
    """All of the body; raises ``InvalidRequestError`` for one that is too long."""
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > _LIMIT:
            raise InvalidRequestError(f"The body is longer than {_LIMIT} bytes.")
        if not message.get("more_body", False):
            return bytes(body)


def parse_body(kind: type[Body], body: bytes) -> Body:
    """The JSON ``body`` as this kind; raises ``InvalidRequestError`` with one clear sentence."""
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
    if problem["type"] == "json_invalid":
        raise InvalidRequestError(f"The body is no valid JSON: {problem['ctx']['error']}.")
    if problem["type"] == "missing":
        problem["msg"] = "it is missing"
    param = ".".join(str(step) for step in problem["loc"])
    message = problem["msg"].removeprefix("Value error, ").removeprefix("Input ")
    if not param:
        raise InvalidRequestError(f"The request is wrong: {message}.")
    raise InvalidRequestError(f"The field {param!r} is wrong: {message}.", param)
