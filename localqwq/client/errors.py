"""Errors between a client and an endpoint."""

import html
import json
import re
import ssl
from typing import Any

from localqwq.errors import LocalqwqError, causes

_LONGEST = 600
"""Maximum characters of a server's own message."""


_WORDS = ("error", "message", "msg", "detail", "errors", "description", "title")
"""Where servers put their messages, the likeliest first."""
_HEADING = re.compile(r"<(title|h1)\b[^>]*>(.*?)</\1>", re.DOTALL | re.IGNORECASE)


class EndpointError(LocalqwqError):
    """The endpoint cannot be reached, refused the request, or answered in an unknown form."""

    def __init__(self, sentence: str, status: int | None = None) -> None:
        """Create it; ``status``: that of the HTTP response, if there was one."""
        super().__init__(sentence)
        self.status = status


class EndpointLost(EndpointError):
    """The connection, or the engine behind it, broke before an answer was complete."""


_ENGINE_LOST = "engine_lost"
"""Our server's code of an error that is not the request's: its engine has ended."""


def engine_is_lost(body: Any) -> bool:
    """Return whether an error's body means that the server's engine has ended."""
    error = body.get("error") if isinstance(body, dict) else None
    return isinstance(error, dict) and error.get("code") == _ENGINE_LOST


def message_of(body: Any) -> str | None:
    """Return the server's own message in an error body of any common form."""
    if isinstance(body, str):
        return body.strip() or None
    if isinstance(body, list):
        return "; ".join(filter(None, map(message_of, body))) or None
    if isinstance(body, dict):
        if isinstance(place := body.get("loc"), list) and (message := message_of(body.get("msg"))):
            return f"{'.'.join(map(str, place))}: {message}"
        for key in _WORDS:
            if (message := message_of(body.get(key))) is not None:
                return message
    return None


def words_of(body: bytes, key: str | None = None) -> str | None:
    """Return the server's own message in a body of any kind: JSON, a web page or plain text.

    ``key`` was sent to the server, and some servers repeat it, so it is removed.
    """
    text = body.decode("utf-8", "replace").strip()
    try:
        words = message_of(json.loads(text))
    except (ValueError, RecursionError):
        found = _HEADING.search(text)
        words = html.unescape(found[2]).strip() if found else None if "<" in text else text
    if not words:
        return None
    words = words.replace(key, "…") if key else words
    return " ".join(words[:_LONGEST].split()) or None


def failure(
    where: str, words: str | None, kind: type[EndpointError] = EndpointError
) -> EndpointError:
    """Return the error for an answer that failed according to the server itself."""
    return kind(words or f"{where} reported an error without a message.")


def refusal(where: str, status: int, body: bytes, key: str | None = None) -> EndpointError:
    """Return the error for a response with an HTTP ``status`` other than 200; ``key`` was sent."""
    message = words_of(body, key)
    if message is not None and status == 503 and engine_is_lost(_json(body)):
        return EndpointLost(message, status)
    if message is not None and not body.lstrip().startswith(b"{"):
        words = message.removeprefix(str(status)).strip(" .") or "no more than that"
        message = f"{where} answered with HTTP status {status}: {words}."
    if status in (401, 403):
        return EndpointError(_locked(where, message, key is not None), status)
    if 300 <= status < 400:
        return EndpointError(
            f"{where} redirects (HTTP status {status}): use the address that a browser ends up "
            "at, often the one with https.",
            status,
        )
    return EndpointError(message or f"{where} answered with HTTP status {status}.", status)


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _locked(where: str, message: str | None, sent: bool) -> str:
    said = f" (“{message.rstrip('.')}”)" if message else ""
    what = f"does not accept the API key{said}" if sent else f"wants an API key{said}"
    return (
        f"{where} {what}: put the right one into the variable that the endpoint's key_env names, "
        "or into LOCALQWQ_API_KEY for a bare address."
    )


def unreachable(where: str, error: BaseException) -> EndpointError:
    """Return the error for a connection that could not be made."""
    cause = next((one for one in causes(error) if isinstance(one, ssl.SSLError)), None)
    if isinstance(cause, ssl.SSLCertVerificationError):
        return EndpointError(
            f"The certificate of {where} is not trusted ({cause.verify_message}): if it is your "
            "own server's, set SSL_CERT_FILE to the certificate file of its authority."
        )
    if cause is not None:
        return EndpointError(
            f"{where} does not speak proper TLS ({getattr(cause, 'reason', '') or cause}): "
            "is it a server without it, whose address begins with http://?"
        )
    return EndpointError(f"No server answers at {where}; is it running, and is the address right?")
