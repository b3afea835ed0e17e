"""Messages over a stream of bytes: each is preceded by its length in four bytes."""

import asyncio
from collections.abc import Callable

_HEAD = 4


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
            self._transport.write(len(message).to_bytes(_HEAD, "big") + message)

    def close(self) -> None:
        """Close this end, once everything is sent."""
        if self._transport is not None:
            self._transport.close()
