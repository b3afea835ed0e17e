"""What the command line writes on a terminal: text is shown, and only our own sequences obeyed."""

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TextIO

from localqwq.visible import VisiblePieces

CLEAR_LINE = "\r\x1b[K"
"""Goes to the beginning of the line and empties it."""


class TerminalText(io.TextIOWrapper):
    """A stream to a terminal, on which nothing that was written can do or hide anything.

    Answers of models, names of files and sentences of other programs all come this way. Where
    the stream goes to a file or a program, it is none of these and passes everything on as it is.
    """

    def __init__(self, stream: io.TextIOWrapper) -> None:
        """Write to where `stream` writes, which stays open."""
        super().__init__(
            stream.buffer,
            stream.encoding,
            errors="replace",  # an old locale must not cost the answer
            line_buffering=stream.line_buffering,
        )
        self._pieces = VisiblePieces()

    def write(self, text: str) -> int:
        """Write `text` as far as it can be shown already; return its length."""
        super().write(self._pieces.take(text))
        return len(text)

    def obey(self, sequence: str) -> None:
        """Write an escape sequence of our own."""
        super().write(self._pieces.rest() + sequence)

    def end(self) -> None:
        """Write what is still to be written; the stream below goes on without this one."""
        super().write(self._pieces.rest())
        self.detach()


def control(stream: TextIO, sequence: str) -> None:
    """Write an escape sequence that is ours, and meant, to a terminal."""
    if isinstance(stream, TerminalText):
        stream.obey(sequence)
    else:
        stream.write(sequence)


@contextmanager
def harmless_terminals() -> Iterator[None]:
    """Make stdout and stderr such streams while the context lasts, as far as they are terminals."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = map(_harmless, before)
    try:
        yield
    finally:
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, TerminalText):
                with suppress(OSError):  # the terminal has gone: nobody is there to be told
                    stream.end()
        sys.stdout, sys.stderr = before


def _harmless(stream: TextIO) -> TextIO:
    if isinstance(stream, io.TextIOWrapper) and stream.isatty():
        stream.flush()
        return TerminalText(stream)
    return stream
