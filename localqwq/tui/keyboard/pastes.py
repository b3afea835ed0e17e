"""Distinguishing pastes from keys in a terminal's input.

Terminals put a mark before and after pasted text. Textual's parser takes an escape character in it
for the beginning of a key, so a coloured log would type, send and quit.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from localqwq.visible import visible_code

BEGIN, END = b"\x1b[200~", b"\x1b[201~"
_SEQUENCE = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # colours, movements
    r"|(?:\x1b\]|\x9d)[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)"  # titles, links
    r"|\x1b[PX^_][^\x1b]*\x1b\\"  # strings for devices
    r"|\x1b[ -/]+[0-~]"  # character sets
)

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")


@dataclass(frozen=True, slots=True)
class Pasted:
    """The content between the marks."""

    text: str


class Pastes:
    """Splits a terminal's bytes, however they are divided."""

    def __init__(self) -> None:
        self._rest = b""
        """Bytes that may begin a mark."""
        self._pasted: list[bytes] | None = None
        """The beginning of an unfinished paste; None outside of one."""

    @property
    def is_pasting(self) -> bool:
        """Whether the end of a paste has yet to come."""
        return self._pasted is not None

    @property
    def is_waiting(self) -> bool:
        """Whether bytes are held back that may begin a mark."""
        return bool(self._rest)

    def feed(self, data: bytes) -> Iterator[bytes | Pasted]:
        """Yield the bytes of keys, and whole pastes, in order."""
        data = self._rest + data
        while True:
            mark = BEGIN if self._pasted is None else END
            at = data.find(mark)
            if at < 0:
                break
            yield from self._take(data[:at])
            if self._pasted is None:
                self._pasted = []
            else:
                yield from self._whole()
            data = data[at + len(mark) :]
        whole = len(data) - _begun(data, mark)
        self._rest = data[whole:]
        yield from self._take(data[:whole])

    def release(self) -> Iterator[bytes | Pasted]:
        """Yield what was held back, as nothing more will come."""
        rest, self._rest = self._rest, b""
        yield from self._take(rest)
        yield from self._whole()

    def _take(self, data: bytes) -> Iterator[bytes]:
        if self._pasted is not None:
            self._pasted.append(data)
        elif data:
            yield data

    def _whole(self) -> Iterator[Pasted]:
        pasted, self._pasted = self._pasted, None
        if text := b"".join(pasted or ()).decode(errors="replace"):
            yield Pasted(text)


def as_text(pasted: str) -> str:
    """Return pasted text without terminal sequences, with line feeds as line ends.

    Other control characters become visible signs. Hidden characters stay, since they may be part of
    a file name; the screen shows them.
    """
    text = _SEQUENCE.sub("", pasted.replace("\r\n", "\n").replace("\r", "\n"))
    return _CONTROL.sub(lambda found: visible_code(found[0]), text)


def _begun(data: bytes, mark: bytes) -> int:
    """Return the length of the longest end of ``data`` that begins ``mark``."""
    return next(n for n in range(min(len(data), len(mark) - 1), -1, -1) if data.endswith(mark[:n]))
