"""Parsing server-sent events, as far as chat completions use them: the data of each event."""

import json

_DONE = b"[DONE]"
_STRAY = 16 * 1024 * 1024
"""Bytes kept of lines outside events."""


class SSEParser:
    """Converts pieces of a byte stream to the data of complete events.

    Follows the WHATWG's "event stream interpretation": lines end in LF, CRLF or CR, several
    ``data`` lines of one event are joined by LF, comments and other fields are skipped. A piece may
    end anywhere, even inside a CRLF or a character. In addition, the deviations of some servers are
    accepted: events without a blank line between them, errors as events or lines with that name,
    and whole documents instead of events.
    """

    def __init__(self) -> None:
        self.failure: bytes | None = None
        """The data of an event named ``error``, or of an ``error:`` line; reading ends there."""
        self._rest = b""
        self._data: list[bytes] = []
        self._event = b""
        self._first = True
        self._after_cr = False
        self._stray = bytearray()

    @property
    def stray(self) -> bytes:
        """The lines outside events, such as those of an error page."""
        return bytes(self._stray)

    def feed(self, piece: bytes) -> list[bytes]:
        """Return the data of the events that ``piece`` completes, in order."""
        text = self._rest + piece
        if self._first:
            if len(text) < 3 and b"\xef\xbb\xbf".startswith(text):
                self._rest = text
                return []
            text = text.removeprefix(b"\xef\xbb\xbf")
            self._first = False
        if self._after_cr and text:
            text = text.removeprefix(b"\n")
            self._after_cr = False
        if b"\r" in text:
            # A CR at the very end may be half of a CRLF; it ends the line in any case.
            self._after_cr = text.endswith(b"\r")
            text = text.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        *lines, self._rest = text.split(b"\n")
        return [event for line in lines for event in self._line(line)]

    def end(self) -> list[bytes]:
        """Return the data of an event that only the end of the stream ends, if it is complete."""
        rest, self._rest = self._rest, b""
        events = list(self._line(rest)) if rest else []
        return [*events, *self._dispatch()] if _is_complete(self._data) else events

    def _line(self, line: bytes) -> list[bytes]:
        if self.failure is not None:
            return []
        if not line:
            if not self._data and self._stray:
                self._keep(line)
            return self._dispatch()
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        match name:
            case b"data" if value.strip() == _DONE and not self._data:
                return [value]
            case b"data":
                before = self._dispatch() if _is_complete(self._data) else []
                self._data.append(value)
                return before
            case b"event":
                self._event = value.strip()
            case b"error":
                self.failure = value
            case b"" | b"id" | b"retry":
                pass
            case _:
                self._keep(line)
        return []

    def _dispatch(self) -> list[bytes]:
        lines, self._data = self._data, []
        event, self._event = self._event, b""
        if not lines:
            return []
        data = b"\n".join(lines)
        if event == b"error":
            self.failure = data
            return []
        return [data]

    def _keep(self, line: bytes) -> None:
        if len(self._stray) < _STRAY:
            self._stray += line + b"\n"


def _is_complete(data: list[bytes]) -> bool:
    """Return whether the lines are a complete event: one JSON object."""
    if not data or not data[0].lstrip().startswith(b"{"):
        return False
    try:
        json.loads(b"\n".join(data))
    except (ValueError, RecursionError):
        return False
    return True
