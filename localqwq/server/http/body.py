"""Reading and checking a request's whole body."""

import zlib

from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope

from localqwq.server.http.error_forms import is_ollama_path
from localqwq.server.http.errors import InvalidRequestError
from localqwq.server.http.fields import Body
from localqwq.server.http.fields import parse_body as parse_body

BODY_LIMIT = 32 * 1024 * 1024
"""Bytes: more than fits the longest context."""
_DRAINED = 4 * BODY_LIMIT
"""Maximum bytes read of a body: a client reads no response before it has sent its request."""
_CURLS_OWN = b"application/x-www-form-urlencoded"
"""How curl declares what it sends, unless it is told."""


async def read_json(kind: type[Body], scope: Scope, receive: Receive) -> Body:
    """Return a request's JSON body as this kind.

    Raises ``InvalidRequestError`` if it is not JSON, too long or invalid, and ``ClientDisconnect``
    if the client went away before its end.
    """
    return parse_body(kind, decoded(scope, await read_body(receive)))


async def read_body(receive: Receive) -> bytes:
    """Return a request's whole body as it was sent.

    Raises ``InvalidRequestError`` if it is too long, and ``ClientDisconnect`` if the client went
    away before its end.
    """
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
        raise _too_long()
    return bytes(body)


def _too_long() -> InvalidRequestError:
    return InvalidRequestError(f"The body is longer than {BODY_LIMIT} bytes.", status=413)


def decoded(scope: Scope, body: bytes) -> bytes:
    """Return the body as JSON text; raises ``InvalidRequestError`` if it is declared to be anything
    else, or cannot be decompressed.
    """
    _check_content_type(scope)
    encodings = [value for name, value in scope["headers"] if name == b"content-encoding"]
    encoding = b",".join(encodings).strip().lower()
    if encoding in (b"", b"identity"):
        return body
    if encoding not in (b"gzip", b"x-gzip"):
        raise InvalidRequestError(
            "The body's Content-Encoding is not supported: send it uncompressed or with gzip.",
            status=415,
        )
    return _unzipped(body)


def _unzipped(body: bytes) -> bytes:
    """Return the content of gzip data with any number of members, up to the limit of a body."""
    found = bytearray()
    while body or not found:
        member = zlib.decompressobj(wbits=31)
        try:
            found += member.decompress(body, BODY_LIMIT + 1 - len(found))
        except zlib.error:
            raise InvalidRequestError("The body is not gzip, though its header says so.") from None
        if len(found) > BODY_LIMIT:
            raise _too_long()
        if not member.eof:
            raise InvalidRequestError("The body ends within its gzip data.")
        body = member.unused_data
    return bytes(found)


def _check_content_type(scope: Scope) -> None:
    """Reject a body that is declared not to be JSON; one without a declaration is taken for
    JSON.
    """
    accepted = [b"application/json"]
    if is_ollama_path(scope["path"]):
        accepted.append(_CURLS_OWN)  # Ollama's examples leave the declaration to curl
    for name, value in scope["headers"]:
        if name == b"content-type":
            kind = value.split(b";")[0].strip().lower()
            if kind not in accepted and not kind.endswith(b"+json"):
                raise InvalidRequestError(
                    "The body must be JSON, with the header 'Content-Type: application/json'.",
                    status=415,
                )
