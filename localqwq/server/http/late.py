"""Endpoints whose modules are imported with their first request."""

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import request_response
from starlette.types import ASGIApp, Receive, Scope, Send

Endpoint = Callable[[Request], Awaitable[Response]]


class Late:
    """An application that is made when it is asked for the first time."""

    def __init__(self, make: Callable[[], ASGIApp]) -> None:
        self._make = make
        self._made: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if self._made is None:
            self._made = self._make()
        await self._made(scope, receive, send)


def late(endpoint: Callable[[], Endpoint]) -> Late:
    """Return the application of an endpoint that is a function of the request."""
    return Late(lambda: request_response(endpoint()))
