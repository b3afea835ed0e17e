"""Messages over a stream of bytes: each is preceded by its length in four bytes."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from time import monotonic

_HEAD = 4
_STUCK = 3600.0
"""Seconds without the other end taking a byte after which it counts as gone."""


class Frames(asyncio.Protocol):
    """One end of a socket pair; used on its event loop only."""

    def __init__(self, received: Callable[[bytes], None], lost: Callable[[], None]) -> None:
        """Set up; ``received`` gets each message, ``lost`` is called when the other end is gone."""
        self._received = received
        self._lost = lost
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Pass on the messages that are complete."""
        buffer = self._buffer
        buffer += data
        start = 0
        while len(buffer) >= start + _HEAD:
            end = start + _HEAD + int.from_bytes(buffer[start : start + _HEAD], "big")
            if len(buffer) < end:
                break
            self._received(bytes(buffer[start + _HEAD : end]))
            start = end
        del buffer[:start]

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell that the other end is gone, or does not speak this language."""
        self._lost()

    def send(self, message: bytes) -> None:
        """Send a message, unless the other end is gone."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(framed(message))

    def close(self) -> None:
        """Close this end, once everything is sent."""
        if self._transport is not None:
            self._transport.close()


class Sender:
    """Sends messages from any thread, without the event loop that reads the same socket.

    It waits while the other end does not read; once that is gone, the reader learns of it, too.
    """

    def __init__(self, end: socket.socket) -> None:
        """Set up; the socket stays the caller's."""
        self._socket = end.dup()
        # With a timeout, sending waits even though the event loop made the socket non-blocking.
        self._socket.settimeout(_STUCK)
        self._lock = threading.Lock()
        self._gathers = False
        self._gathered = bytearray()

    def send(self, message: bytes) -> None:
        """Send a message, unless the other end is gone."""
        with self._lock:
            self._gathered += framed(message)
            if not self._gathers:
                self._send_gathered()

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """Send everything at the end of the context, so that the other end wakes up once.

        That includes what other threads send meanwhile: messages keep their order.
        """
        with self._lock:
            self._gathers = True
        try:
            yield
        finally:
            with self._lock:
                self._gathers = False
                if self._gathered:
                    self._send_gathered()

    def _send_gathered(self) -> None:
        try:
            self._socket.sendall(self._gathered)
        except OSError:  # part of it may have been sent, so nothing else can be
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
        self._gathered.clear()

    def close(self) -> None:
        """Release the socket."""
        self._socket.close()


def read_message(end: socket.socket, deadline: float | None = None) -> bytes:
    """Wait for a message without an event loop.

    Nothing beyond it is read. ``deadline``: by the monotonic clock. Raises :class:`EOFError` if the
    other end is gone, :class:`TimeoutError` and OSError.
    """
    size = int.from_bytes(_read(end, _HEAD, deadline), "big")
    return _read(end, size, deadline)


def _read(end: socket.socket, size: int, deadline: float | None) -> bytes:
    data = bytearray()
    while len(data) < size:
        if deadline is not None:
            end.settimeout(max(1e-3, deadline - monotonic()))
        piece = end.recv(size - len(data))
        if not piece:
            raise EOFError
        data += piece
    return bytes(data)


def framed(message: bytes) -> bytes:
    """Return the message behind its length."""
    return len(message).to_bytes(_HEAD, "big") + message
