"""How replies are sent: JSON, errors in OpenAI's form, and server-sent events."""

import json
from collections.abc import Iterable
from typing import Any

from starlette.responses import Response

from localqwq.server.errors import InvalidRequestError

STREAM_END = b"data: [DONE]\n\n"


_ENCODER = json.JSONEncoder(separators=(",", ":"))


def encode(value: Any) -> bytes:
    """Compact JSON. ASCII, since a model may write half a surrogate pair, which UTF-8 has not."""
    return _ENCODER.encode(value).encode("ascii")


def sse(chunks: Iterable[dict[str, Any]]) -> bytes:
    """One server-sent event per chunk."""
    return b"".join(b"data: " + encode(chunk) + b"\n\n" for chunk in chunks)


def json_response(value: Any, status: int = 200) -> Response:
    """A whole reply."""
    return Response(encode(value), status, media_type="application/json")


def error_body(error: Exception) -> dict[str, Any]:
    """An error in OpenAI's form."""
    invalid = isinstance(error, InvalidRequestError)
    return {
        "error": {
            "message": str(error),
            "type": "invalid_request_error" if invalid else "server_error",
            "param": error.param if isinstance(error, InvalidRequestError) else None,
            "code": error.code if isinstance(error, InvalidRequestError) else None,
        }
    }


def error_response(error: Exception, status: int | None = None) -> Response:
    """A reply that says what is wrong; by default 400 or 500, by the kind of error."""
    default = 400 if isinstance(error, InvalidRequestError) else 500
    return json_response(error_body(error), default if status is None else status)
