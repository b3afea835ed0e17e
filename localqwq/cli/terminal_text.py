"""Terminal output: text is only shown, and no sequences but our own are obeyed."""

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TextIO

from localqwq.visible import VisiblePieces

CLEAR_LINE = "\r\x1b[K"
"""Moves to the beginning of the line and clears it."""


class TerminalText(io.TextIOWrapper):
    """A stream to a terminal in which nothing that is written can do or hide anything.

    Answers of models, file names and messages of other programs all pass through it. A stream to a
    file or a program is not wrapped and passes everything on unchanged.
    """

    def __init__(self, stream: io.TextIOWrapper) -> None:
        """Wrap ``stream``, which stays open."""
        super().__init__(
            stream.buffer,
            stream.encoding,
            errors="replace",  # an old locale must not cost the answer
            line_buffering=stream.line_buffering,
        )
        self._pieces = VisiblePieces()

    def write(self, text: str) -> int:
        """Write ``text`` as far as it can be shown already; return its length."""
        super().write(self._pieces.take(text))
        return len(text)

    def obey(self, sequence: str) -> None:
        """Write an escape sequence of our own."""
        super().write(self._pieces.rest() + sequence)

    def end(self) -> None:
        """Write what is still pending; the stream below continues without this one."""
        super().write(self._pieces.rest())
        self.detach()


def control(stream: TextIO, sequence: str) -> None:
    """Write an escape sequence of our own to a terminal."""
    if isinstance(stream, TerminalText):
        stream.obey(sequence)
    else:
        stream.write(sequence)


@contextmanager
def harmless_terminals() -> Iterator[None]:
    """Wrap stdout and stderr while the context lasts, if they are terminals."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = map(_harmless, before)
    try:
        yield
    finally:
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, TerminalText):
                with suppress(OSError):  # the terminal is gone: nobody can be told
                    stream.end()
        sys.stdout, sys.stderr = before


def _harmless(stream: TextIO) -> TextIO:
    if isinstance(stream, io.TextIOWrapper) and stream.isatty():
        stream.flush()
        return TerminalText(stream)
    return stream
