"""Server-sent events, as far as chat completions use them: the data of each event."""


class SSEParser:
    """Turns pieces of a byte stream into the data of complete events.

    Follows the WHATWG's "event stream interpretation": lines end in LF, CRLF or CR, several
    ``data`` lines of one event are joined by LF, comments and other fields are skipped. A piece
    may end anywhere, even inside a CRLF or a character.
    """

    def __init__(self) -> None:
        self._rest = b""
        self._data: list[bytes] = []
        self._first = True
        self._after_cr = False

    def feed(self, piece: bytes) -> list[bytes]:
        """The data of the events that ``piece`` completes, in order."""
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
            # A CR at the very end may be half of a CRLF: it ends its line all the same.
            self._after_cr = text.endswith(b"\r")
            text = text.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        *lines, self._rest = text.split(b"\n")
        return [event for line in lines if (event := self._line(line)) is not None]

    def _line(self, line: bytes) -> bytes | None:
        if not line:
            data, self._data = self._data, []
            return b"\n".join(data) if data else None
        if line.startswith(b"data:"):
            self._data.append(line[6:] if line[5:6] == b" " else line[5:])
        elif line == b"data":
            self._data.append(b"")
        return None
