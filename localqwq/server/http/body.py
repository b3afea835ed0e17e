"""A request's body, read whole and checked."""

from typing import TypeVar

from pydantic import ValidationError
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope

from localqwq.server.http.errors import InvalidRequestError
from localqwq.server.http.fields import Part, first_problem

BODY_LIMIT = 32 * 1024 * 1024
"""Bytes: more than the longest context can hold."""
_DRAINED = 4 * BODY_LIMIT
"""Bytes of a body that are read at all: a client reads no reply before it has sent its request."""

Body = TypeVar("Body", bound=Part)


async def read_json(kind: type[Body], scope: Scope, receive: Receive) -> Body:
    """A request's JSON body as this kind.

    Raises ``InvalidRequestError`` for what is no JSON, too long or wrong, and
    ``ClientDisconnect`` where the client went away before its end.
    """
    body = await _read(receive)
    _check_content_type(scope)
    return parse_body(kind, body)


def parse_body(kind: type[Body], body: bytes) -> Body:
    """The JSON ``body`` as this kind; raises ``InvalidRequestError`` with one clear sentence."""
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        problem = error
    first = problem.errors(include_url=False)[0]
    if first["type"] == "json_invalid":
        raise InvalidRequestError(f"The body is not valid JSON: {first['ctx']['error']}.")
    param, message = first_problem(problem)
    raise InvalidRequestError(message, param)


async def _read(receive: Receive) -> bytes:
    body, length = bytearray(), 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        chunk = message.get("body", b"")
        length += len(chunk)
        if length <= BODY_LIMIT:
            body += chunk
        else:
            body.clear()
        if length > _DRAINED or not message.get("more_body", False):
            break
    if length > BODY_LIMIT:
        raise InvalidRequestError(f"The body is longer than {BODY_LIMIT} bytes.", status=413)
    return bytes(body)


def _check_content_type(scope: Scope) -> None:
    """Refuse a body that says it is no JSON; one that says nothing is taken for JSON."""
    for name, value in scope["headers"]:
        if name == b"content-type":
            kind = value.split(b";")[0].strip().lower()
            if kind != b"application/json" and not kind.endswith(b"+json"):
                raise InvalidRequestError(
                    "The body must be JSON, with the header 'Content-Type: application/json'.",
                    status=415,
                )
