"""Access control: the key, and protection against web pages on the same computer."""

from collections.abc import Sequence
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Receive, Scope, Send

from localqwq.server.http.errors import InvalidRequestError
from localqwq.server.http.keys import Key, matching, scope_of
from localqwq.server.http.replies import error_response
from localqwq.server.openness import is_loopback

_OPEN = ("/", "/health", "/v1/health")
"""Paths that need no key."""


_PRIVATE = "localqwq.private"
KEY_NAME = "localqwq.key"
"""Where a request's scope has the name of its key."""


class Private:
    """Passes requests to an application, marked as this user's own."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        await self._app({**scope, _PRIVATE: True}, receive, send)


class Guard:
    """Passes requests to an application, or rejects them.

    With ``keys``, every path except the root and the health check needs one with its scope, as a
    bearer token or as ``X-Api-Key``; its name is noted for the log. With ``loopback``, the Host and
    Origin headers must name this computer: a foreign web page whose name resolves to 127.0.0.1 is
    rejected. Pages from ``allow_origins`` are accepted; ``*`` accepts all. ``allow_hosts`` are
    further names of this computer. What comes through :class:`Private` is not checked.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        keys: Sequence[Key],
        loopback: bool,
        allow_origins: Sequence[str] = (),
        allow_hosts: Sequence[str] = (),
    ) -> None:
        self._app = app
        self._origins = frozenset(origin.encode() for origin in allow_origins)
        self._hosts = frozenset(host.lower() for host in allow_hosts)
        self._keys = keys
        self._loopback = loopback

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or respond with 401 or 403."""
        headers = dict(scope["headers"])
        if scope.get(_PRIVATE):
            await self._app(scope, receive, send)
        elif self._loopback and not self._from_here(headers):
            error = InvalidRequestError(
                "This server accepts only requests for this computer's own host names; "
                "--allow-host admits another name, and --allow-origin a web page.",
                status=403,
            )
            await error_response(error, scope["path"])(scope, receive, send)
        elif scope["path"] in _OPEN or not self._keys:
            await self._app(scope, receive, send)
        elif (key := self._key(headers, scope)) is None:
            error = InvalidRequestError(
                "The API key is missing or wrong: send it as 'Authorization: Bearer KEY' or "
                "'X-Api-Key: KEY'.",
                code="invalid_api_key",
                status=401,
            )
            response = error_response(error, scope["path"])
            response.headers["WWW-Authenticate"] = "Bearer"
            await response(scope, receive, send)
        elif (needed := scope_of(scope["path"])) not in key.scopes:
            error = InvalidRequestError(
                f"The key {key.name!r} lacks the scope {needed!r}.",
                code="insufficient_permissions",
                status=403,
            )
            await error_response(error, scope["path"])(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _from_here(self, headers: dict[bytes, bytes]) -> bool:
        host, origin = _host(headers), headers.get(b"origin")
        if not (is_loopback(host) or host in self._hosts):
            return False
        if origin is None or self._origins & {origin, b"*"}:
            return True
        return is_loopback(_hostname(origin))

    def _key(self, headers: dict[bytes, bytes], scope: Scope) -> Key | None:
        """Return the key that a request has, and note its name."""
        scheme, _, bearer = headers.get(b"authorization", b"").partition(b" ")
        given = [headers.get(b"x-api-key", b"")]
        if scheme.lower() == b"bearer":
            given.append(bearer.strip())
        key = matching(given, self._keys)
        if key is not None:
            scope[KEY_NAME] = key.name
        return key


class Owners:
    """Tells who may change what is installed: whoever has the key, or this computer's user.

    Without a key, that is a request to one of the loopback names that no page has sent, except one
    of this computer. Those that ``Guard`` admits beside these may only use the models.
    """

    def __init__(self, *, has_keys: bool) -> None:
        """Set up; ``has_keys``: whether ``Guard`` asks for a key, with the scope for it."""
        self._has_keys = has_keys

    def check(self, scope: Scope) -> None:
        """Raise ``InvalidRequestError`` for anybody else; ``Guard`` has checked the key before."""
        headers = dict(scope["headers"])
        origin = headers.get(b"origin")
        is_own = origin is None or is_loopback(_hostname(origin))
        if not self._has_keys and not (is_own and is_loopback(_host(headers))):
            raise InvalidRequestError(
                "Models can be downloaded, copied and deleted only from this computer, and not by "
                "web pages: start the server with --api-key, and send the key.",
                status=403,
            )


def _host(headers: dict[bytes, bytes]) -> str:
    return _hostname(b"//" + headers.get(b"host", b""))


def _hostname(url: bytes) -> str:
    try:
        return urlsplit(url.decode("ascii")).hostname or ""
    except ValueError:
        return ""
