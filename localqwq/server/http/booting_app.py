"""The server's response while the model is loaded, for the first time or again."""

import asyncio
import time
from collections.abc import Callable

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from localqwq.server.http.errors import UnavailableError
from localqwq.server.http.replies import error_response, json_response

_LONGEST_DELAY = 60
"""Maximum seconds that clients are told to wait."""


class Loading:
    """Stands in for an application until it exists, and between two of them."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._started = clock()
        self._progress = 0.0
        self._app: ASGIApp | None = None
        self._again = False
        self._failure = ""
        self._settled = asyncio.Event()

    def progressed(self, part: float) -> None:
        """Report the fraction of the model loaded, 0 to 1. Thread-safe."""
        self._progress = part

    def open(self, app: ASGIApp) -> None:
        """Let requests through from now on, and those that wait."""
        self._app = app
        self._settled.set()

    def shut(self) -> None:
        """Have requests wait from now on, as the model is loaded again."""
        self._app = None
        self._again = True
        self._settled.clear()
        self._started, self._progress = self._clock(), 0.0

    def give_up(self, sentence: str) -> None:
        """Refuse requests from now on, and those that wait; ``sentence`` says why."""
        self._failure = sentence
        self._settled.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or respond with 503; while the model is loaded again, wait first."""
        is_health = scope["path"] in ("/health", "/v1/health")
        if self._again and not is_health:
            await self._settled.wait()
        if self._app is not None:
            await self._app(scope, receive, send)
        elif self._failure:
            error = UnavailableError(self._failure)
            await error_response(error, scope["path"])(scope, receive, send)
        else:
            await self._loading(scope["path"], is_health)(scope, receive, send)

    def _loading(self, path: str, is_health: bool) -> Response:
        if is_health:
            progress = round(self._progress, 2)
            response = json_response({"status": "loading", "progress": progress}, 503)
        else:
            done = f"{self._progress:.0%}"
            response = error_response(
                UnavailableError(f"The model is being loaded ({done} done); try again soon."),
                path,
            )
        response.headers["Retry-After"] = str(self._seconds_left())
        return response

    def _seconds_left(self) -> int:
        """Return the seconds left at the speed so far, rounded up; one second if unknown."""
        if self._progress == 0.0:
            return 1
        left = (self._clock() - self._started) * (1 - self._progress) / self._progress
        return min(_LONGEST_DELAY, 1 + int(left))
