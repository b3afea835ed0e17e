"""Sending responses: JSON, errors, and server-sent events."""

import json
from collections.abc import Iterable
from typing import Any

from starlette.responses import Response

from localqwq.server.http.error_forms import error_body, status_of
from localqwq.server.http.errors import BusyError

STREAM_END = b"data: [DONE]\n\n"


_ENCODER = json.JSONEncoder(separators=(",", ":"))


def encode(value: Any) -> bytes:
    """Return compact JSON in ASCII: a model may write half a surrogate pair, which UTF-8 lacks."""
    return _ENCODER.encode(value).encode("ascii")


def typed_sse(events: Iterable[dict[str, Any]]) -> bytes:
    """Return server-sent events that are named by their types."""
    return b"".join(
        b"event: " + event["type"].encode() + b"\ndata: " + encode(event) + b"\n\n"
        for event in events
    )


def sse(chunks: Iterable[dict[str, Any]]) -> bytes:
    """Return one server-sent event per chunk."""
    return b"".join(b"data: " + encode(chunk) + b"\n\n" for chunk in chunks)


def ndjson(lines: Iterable[dict[str, Any]]) -> bytes:
    """Return a line of JSON for each of these."""
    return b"".join(encode(line) + b"\n" for line in lines)


def json_response(value: Any, status: int = 200) -> Response:
    """Return a complete response."""
    return Response(encode(value), status, media_type="application/json")


def error_response(error: Exception, path: str) -> Response:
    """Return an error response, with the status of its kind and in the form of the path's API."""
    response = json_response(error_body(error, path), status_of(error))
    if isinstance(error, BusyError):
        response.headers["Retry-After"] = str(error.retry_after)
    return response
