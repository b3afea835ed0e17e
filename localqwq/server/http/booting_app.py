"""The server's response while the model is loaded."""

import time
from collections.abc import Callable

from starlette.types import ASGIApp, Receive, Scope, Send

from localqwq.server.http.errors import UnavailableError
from localqwq.server.http.replies import error_response, json_response

_LONGEST_DELAY = 60
"""Maximum seconds that clients are told to wait."""


class Loading:
    """Stands in for an application until it exists."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._started = clock()
        self._progress = 0.0
        self._app: ASGIApp | None = None

    def progressed(self, part: float) -> None:
        """Report the fraction of the model loaded, 0 to 1. Thread-safe."""
        self._progress = part

    def open(self, app: ASGIApp) -> None:
        """Let requests through from now on."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or respond with 503."""
        if self._app is not None:
            await self._app(scope, receive, send)
            return
        if scope["path"] in ("/health", "/v1/health"):
            progress = round(self._progress, 2)
            response = json_response({"status": "loading", "progress": progress}, 503)
        else:
            done = f"{self._progress:.0%}"
            response = error_response(
                UnavailableError(f"The model is being loaded ({done} done); try again soon."),
                scope["path"],
            )
        response.headers["Retry-After"] = str(self._seconds_left())
        await response(scope, receive, send)

    def _seconds_left(self) -> int:
        """Return the seconds left at the speed so far, rounded up; one second if unknown."""
        if self._progress == 0.0:
            return 1
        left = (self._clock() - self._started) * (1 - self._progress) / self._progress
        return min(_LONGEST_DELAY, 1 + int(left))
