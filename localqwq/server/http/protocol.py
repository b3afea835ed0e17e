"""The HTTP protocol of the server: uvicorn's, with its own errors in OpenAI's form."""

import asyncio
import time
from email.utils import formatdate
from functools import lru_cache

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from localqwq.server.http.error_forms import error_body
from localqwq.server.http.errors import InvalidRequestError
from localqwq.server.http.replies import encode

READ_TIMEOUT = 30.0
"""Seconds for a request's head, and between two pieces of its body."""
_REASONS = {400: b"Bad Request", 408: b"Request Timeout"}


@lru_cache(maxsize=1)
def _date(second: int) -> tuple[tuple[bytes, bytes]]:
    """Return the header that states a time, in seconds since the epoch."""
    return ((b"date", formatdate(second, usegmt=True).encode()),)


class Protocol(H11Protocol):
    """Answers invalid HTTP, such as a broken chunk, like every other invalid request.

    An incomplete request is dropped after a while, so that it does not occupy a connection.
    """

    _timer: asyncio.TimerHandle | None = None
    _deadline = 0.0
    """By the loop's clock."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start waiting for a request."""
        assert isinstance(transport, asyncio.Transport)
        super().connection_made(transport)
        self._await_more()

    def data_received(self, data: bytes) -> None:
        """Receive a piece of a request."""
        self.server_state.default_headers = [*_date(int(time.time())), *self.config.encoded_headers]
        begins = self.cycle is not None and not self._in_head
        super().data_received(data)
        if begins or self.conn.their_state is h11.SEND_BODY:
            self._await_more()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._deadline = 0.0
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        """Reject what was received with ``msg``, and close the connection."""
        self._refuse(400, msg)

    def _refuse(self, status: int, message: str) -> None:
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            body = encode(error_body(InvalidRequestError(message, status=status)))
            headers = [
                (b"content-type", b"application/json"),
                (b"content-length", str(len(body)).encode()),
                (b"connection", b"close"),
            ]
            for event in (
                h11.Response(status_code=status, headers=headers, reason=_REASONS[status]),
                h11.Data(data=body),
                h11.EndOfMessage(),
            ):
                self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    def _await_more(self) -> None:
        self._deadline = self.loop.time() + READ_TIMEOUT
        if self._timer is None:
            self._timer = self.loop.call_at(self._deadline, self._look)

    @property
    def _in_head(self) -> bool:
        return self.conn.their_state is h11.IDLE and bool(self.conn.trailing_data[0])

    def _look(self) -> None:
        """Drop a request that has not arrived in time."""
        self._timer = None
        in_part = self._in_head or self.conn.their_state is h11.SEND_BODY
        if not in_part and self.cycle is not None:
            return  # it is complete; uvicorn handles idle connections
        if self.flow.read_paused or self.loop.time() < self._deadline:
            self._deadline = max(self._deadline, self.loop.time() + 1)
            self._timer = self.loop.call_at(self._deadline, self._look)
        elif in_part:
            self._refuse(
                408, f"The request did not arrive completely within {READ_TIMEOUT:g} seconds."
            )
        else:
            self._drop_idle()

    def _drop_idle(self) -> None:
        """Close a connection on which nothing was asked."""
        self.transport.close()


class PrivateProtocol(Protocol):
    """The same for this user's programs: they may hold a connection to learn of the server's
    end.
    """

    def _drop_idle(self) -> None:
        """Leave it open."""
