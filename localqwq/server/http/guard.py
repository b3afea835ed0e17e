"""Who may ask: the key, and no web page that happens to run on the same computer."""

import hmac
import ipaddress
from collections.abc import Sequence
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Receive, Scope, Send

from localqwq.server.http.errors import InvalidRequestError
from localqwq.server.http.replies import error_response


class Guard:
    """Lets requests through to an application, or refuses them.

    With ``api_key``, every path but ``/health`` needs it as a bearer token. With ``loopback``,
    the Host and Origin headers must name this computer: a foreign web page that makes its name
    resolve to 127.0.0.1 is refused. Pages of ``allow_origins`` are not foreign;
    ``*`` stands for all.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        api_key: str | None,
        loopback: bool,
        allow_origins: Sequence[str] = (),
    ) -> None:
        self._app = app
        self._origins = frozenset(origin.encode() for origin in allow_origins)
        self._authorization = None if api_key is None else f"Bearer {api_key}".encode()
        self._loopback = loopback

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer 401 or 403."""
        headers = dict(scope["headers"])
        if self._loopback and not self._from_here(headers):
            error = InvalidRequestError(
                "This server answers only to its own computer's names.", status=403
            )
            await error_response(error)(scope, receive, send)
        elif scope["path"] != "/health" and not self._has_key(headers):
            error = InvalidRequestError(
                "The API key is missing or wrong: send it as 'Authorization: Bearer KEY'.",
                code="invalid_api_key",
                status=401,
            )
            response = error_response(error)
            response.headers["WWW-Authenticate"] = "Bearer"
            await response(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _from_here(self, headers: dict[bytes, bytes]) -> bool:
        names = [b"//" + headers.get(b"host", b"")]
        origin = headers.get(b"origin")
        if origin is not None and not self._origins & {origin, b"*"}:
            names.append(origin)
        return all(is_loopback(_hostname(name)) for name in names)

    def _has_key(self, headers: dict[bytes, bytes]) -> bool:
        if self._authorization is None:
            return True
        return hmac.compare_digest(headers.get(b"authorization", b""), self._authorization)


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this computer's own."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _hostname(url: bytes) -> str:
    try:
        return urlsplit(url.decode("ascii")).hostname or ""
    except ValueError:
        return ""
