"""What can go wrong between a client and an endpoint."""

import json
from typing import Any

from localqwq.errors import LocalqwqError


class EndpointError(LocalqwqError):
    """The endpoint cannot be reached, refused the request, or answered in no known form."""


class EndpointLost(EndpointError):
    """The connection broke in the middle of an answer."""


def message_of(body: Any) -> str | None:
    """The server's own words in an error body, whichever of the usual forms it has."""
    if isinstance(body, str):
        return body.strip() or None
    if isinstance(body, dict):
        for key in ("error", "message", "detail"):
            if (message := message_of(body.get(key))) is not None:
                return message
    return None


def refusal(where: str, status: int, body: bytes) -> EndpointError:
    """The error for an answer with an HTTP ``status`` that is not 200."""
    try:
        message = message_of(json.loads(body))
    except ValueError:
        message = None
    return EndpointError(message or f"{where} answered with HTTP status {status}.")
