"""A line for each request: who asked for what, and how it went; never what was said, nor a key."""

import logging
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from localqwq.server.http.guard import KEY_NAME
from localqwq.visible import visible

LOGGER = logging.getLogger(__name__)
_LONGEST_PATH = 200


class RequestLog:
    """Passes requests to an application, and logs each at its end."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        began, status, sent = time.perf_counter(), 0, 0

        async def counted(message: Message) -> None:
            nonlocal status, sent
            if message["type"] == "http.response.start":
                status = message["status"]
            sent += len(message.get("body", b""))
            await send(message)

        try:
            await self._app(scope, receive, counted)
        finally:
            # Without the query: a key may be in it.
            LOGGER.info(
                "%s%s %s %s %s %.3f s %d bytes",
                scope["client"][0] if scope.get("client") else "-",
                f" {visible(scope[KEY_NAME])}" if KEY_NAME in scope else "",
                scope["method"],
                visible(scope["path"][:_LONGEST_PATH]),
                status or "-",
                time.perf_counter() - began,
                sent,
            )


def log_requests() -> None:
    """Have the lines written to stderr, with the time."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    LOGGER.addHandler(handler)
    LOGGER.setLevel(logging.INFO)
    LOGGER.propagate = False
