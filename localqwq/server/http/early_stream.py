"""A stream that begins before there is anything to send: comments say what it waits for."""

from starlette.types import Message, Send

from localqwq.server.http.error_forms import error_body, is_messages_path, messages_error
from localqwq.server.http.replies import STREAM_END, sse, typed_sse
from localqwq.server.http.streams import stream_headers


class EarlyStream:
    """Sends a response of server-sent events, and comments ahead of it.

    After a comment the response has begun: its own beginning is dropped, and an error can only be
    an event.
    """

    def __init__(self, send: Send, path: str) -> None:
        """Set up; ``path`` is the request's."""
        self._send = send
        self._path = path
        self.has_begun = False
        """Whether a comment was sent."""

    async def __call__(self, message: Message) -> None:
        """Send a message of the response itself."""
        if not (self.has_begun and message["type"] == "http.response.start"):
            await self._send(message)

    async def comment(self, text: str) -> None:
        """Send a line that clients ignore; ``text`` has no line breaks."""
        if not self.has_begun:
            self.has_begun = True
            start = {"type": "http.response.start", "status": 200, "headers": stream_headers()}
            await self._send(start)
        await self._send_body(f": {text}\n\n".encode(), more=True)

    async def fail(self, error: Exception) -> None:
        """End the stream with an error in the form of the path's API."""
        await self._send_body(_last_events(error, self._path), more=False)

    async def _send_body(self, data: bytes, *, more: bool) -> None:
        await self._send({"type": "http.response.body", "body": data, "more_body": more})


def _last_events(error: Exception, path: str) -> bytes:
    if is_messages_path(path):
        return typed_sse([messages_error(error)])
    body = error_body(error, path)
    if path.removeprefix("/v1").startswith("/responses"):
        described = {name: body["error"][name] for name in ("code", "message", "param")}
        return typed_sse([{"type": "error", "sequence_number": 0, **described}])
    return sse([body]) + STREAM_END
