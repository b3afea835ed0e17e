"""The server's response while its only model is loaded for the first time."""

import time
from collections.abc import Callable

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from localqwq.server.http.errors import UnavailableError
from localqwq.server.http.health import loading_health, seconds_left
from localqwq.server.http.replies import error_response


class Loading:
    """Stands in for an application until it exists."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._started = clock()
        self._progress = 0.0
        self._app: ASGIApp | None = None
        self._failure = ""

    def progressed(self, part: float) -> None:
        """Report the fraction of the model loaded, 0 to 1. Thread-safe."""
        self._progress = part

    def open(self, app: ASGIApp) -> None:
        """Let requests through from now on."""
        self._app = app

    def give_up(self, sentence: str) -> None:
        """Refuse requests from now on; ``sentence`` says why."""
        self._failure = sentence

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or respond with 503."""
        is_health = scope["path"] in ("/health", "/v1/health")
        if self._failure:
            error = UnavailableError(self._failure)
            await error_response(error, scope["path"])(scope, receive, send)
        elif self._app is not None:
            await self._app(scope, receive, send)
        else:
            await self._loading(scope["path"], is_health)(scope, receive, send)

    def _loading(self, path: str, is_health: bool) -> Response:
        seconds = self._clock() - self._started
        if is_health:
            return loading_health(self._progress, seconds)
        done = f"{self._progress:.0%}"
        error = UnavailableError(f"The model is being loaded ({done} done); try again soon.")
        response = error_response(error, path)
        response.headers["Retry-After"] = str(seconds_left(self._progress, seconds))
        return response
