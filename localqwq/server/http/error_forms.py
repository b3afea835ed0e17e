"""Errors in the form of the API that a path belongs to; pure."""

from typing import Any

from localqwq.server.http.errors import (
    BusyError,
    EngineLost,
    InvalidRequestError,
    UnavailableError,
)

Json = dict[str, Any]

_MESSAGES_TYPES = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    503: "overloaded_error",
}
"""Anthropic's types of errors by status; the others are invalid requests."""


def status_of(error: Exception) -> int:
    """Return the status of a response with this error."""
    match error:
        case InvalidRequestError():
            return error.status
        case BusyError():
            return 429
        case UnavailableError():
            return 503
        case _:
            return 500


def error_body(error: Exception, path: str = "") -> Json:
    """Return an error as the API of the request's path writes it."""
    if is_messages_path(path):
        return messages_error(error)
    if is_ollama_path(path):
        return ollama_error(error)
    return _openai_error(error)


def is_ollama_path(path: str) -> bool:
    """Return whether a path belongs to Ollama's API."""
    return path.startswith("/api/")


def ollama_error(error: Exception) -> Json:
    """Return an error in Ollama's form."""
    return {"error": str(error)}


def is_messages_path(path: str) -> bool:
    """Return whether a path belongs to Anthropic's API."""
    path = path.removeprefix("/v1")
    return path == "/messages" or path.startswith("/messages/")


def messages_error(error: Exception) -> Json:
    """Return an error in Anthropic's form.

    A prompt that does not fit is named in Anthropic's words, which programs look for to shorten the
    conversation.
    """
    message = str(error)
    if isinstance(error, InvalidRequestError) and error.tokens is not None:
        needed, available = error.tokens
        message = f"prompt is too long: {needed} tokens > {available} maximum. {message}"
    kind = _MESSAGES_TYPES.get(status_of(error), "invalid_request_error")
    return {"type": "error", "error": {"type": kind, "message": message}}


def _openai_error(error: Exception) -> Json:
    kind, param, code = "server_error", None, None
    if isinstance(error, InvalidRequestError):
        kind, param, code = "invalid_request_error", error.param, error.code
    elif isinstance(error, BusyError):
        kind, code = "rate_limit_error", "rate_limit_exceeded"
    elif isinstance(error, EngineLost):
        code = EngineLost.CODE
    return {"error": {"message": str(error), "type": kind, "param": param, "code": code}}
