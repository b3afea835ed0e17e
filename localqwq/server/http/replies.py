"""Sending responses: JSON, errors in OpenAI's form, and server-sent events."""

import json
from collections.abc import Iterable
from typing import Any

from starlette.responses import Response

from localqwq.server.http.errors import BusyError, InvalidRequestError, UnavailableError

STREAM_END = b"data: [DONE]\n\n"


_ENCODER = json.JSONEncoder(separators=(",", ":"))


def encode(value: Any) -> bytes:
    """Return compact JSON in ASCII: a model may write half a surrogate pair, which UTF-8 lacks."""
    return _ENCODER.encode(value).encode("ascii")


def sse(chunks: Iterable[dict[str, Any]]) -> bytes:
    """Return one server-sent event per chunk."""
    return b"".join(b"data: " + encode(chunk) + b"\n\n" for chunk in chunks)


def json_response(value: Any, status: int = 200) -> Response:
    """Return a complete response."""
    return Response(encode(value), status, media_type="application/json")


def error_body(error: Exception) -> dict[str, Any]:
    """Return an error in OpenAI's form."""
    kind, param, code = "server_error", None, None
    if isinstance(error, InvalidRequestError):
        kind, param, code = "invalid_request_error", error.param, error.code
    elif isinstance(error, BusyError):
        kind, code = "rate_limit_error", "rate_limit_exceeded"
    return {"error": {"message": str(error), "type": kind, "param": param, "code": code}}


def error_response(error: Exception) -> Response:
    """Return an error response, with the status of its kind."""
    response = json_response(error_body(error), _status(error))
    if isinstance(error, BusyError):
        response.headers["Retry-After"] = str(error.retry_after)
    return response


def _status(error: Exception) -> int:
    match error:
        case InvalidRequestError():
            return error.status
        case BusyError():
            return 429
        case UnavailableError():
            return 503
        case _:
            return 500
