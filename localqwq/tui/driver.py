"""Reads the terminal without looking for input at intervals, and writes as little as it can."""

from __future__ import annotations

import codecs
import contextlib
import os
import selectors
import time
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from textual import constants
from textual._xterm_parser import XTermParser
from textual.drivers.linux_driver import LinuxDriver

from localqwq.tui.repaint import Picture

if TYPE_CHECKING:
    from textual.app import App

_TICK_SECONDS = 0.05
"""Between two looks at whether a sequence has ended, while one may be under way."""
_ALERT_SECONDS = constants.ESCAPE_DELAY + 2 * _TICK_SECONDS
"""After what was read: by then the parser has made up its mind about a lone Escape."""


_REPAIRED_SECONDS = 1.0
"""After such a pause a frame is written as a whole: another program may have written, too."""


@runtime_checkable
class Pictured(Protocol):
    """An app that says when it is not known any more what the terminal shows."""

    picture: Picture


class TerminalDriver(LinuxDriver):
    """Textual's driver for Linux and macOS: it sleeps while nobody types, and repeats nothing."""

    def __init__(
        self,
        app: App[Any],
        *,
        debug: bool = False,
        mouse: bool = True,
        size: tuple[int, int] | None = None,
    ) -> None:
        super().__init__(app, debug=debug, mouse=mouse, size=size)
        self._woken, self._wake = os.pipe()
        """The thread waits for this one, too, so that it can be told to end."""
        self._picture = app.picture if isinstance(app, Pictured) else Picture()
        self._written = 0.0

    def write(self, data: str) -> None:
        """Write a frame, or anything else."""
        now = time.monotonic()
        if now - self._written > _REPAIRED_SECONDS:
            self._picture.forget()
        self._written = now
        super().write(self._picture.reduced(data, self._app.size.width))

    def disable_input(self) -> None:
        """Read no more, until application mode begins again."""
        os.write(self._wake, b".")
        super().disable_input()
        os.read(self._woken, 1)

    def run_input_thread(self) -> None:
        """Pass on what is typed, until `disable_input` or the terminal's end."""
        parser = XTermParser(self._debug)
        decode = codecs.getincrementaldecoder("utf-8")(errors="replace").decode
        alert_until = 0.0
        # Not epoll or kqueue: the latter cannot wait for terminals.
        with selectors.SelectSelector() as selector:
            selector.register(self.fileno, selectors.EVENT_READ)
            selector.register(self._woken, selectors.EVENT_READ)
            while not self.exit_event.is_set():
                alert = time.monotonic() < alert_until
                ready = {key.fd for key, _ in selector.select(_TICK_SECONDS if alert else None)}
                if self.fileno in ready:
                    alert_until = time.monotonic() + _ALERT_SECONDS
                    data = b""
                    with contextlib.suppress(OSError):  # as some systems say that it is gone
                        data = os.read(self.fileno, 1 << 16)
                    if not data:
                        return
                    # Part of a letter is no text yet, which the parser would take for the end.
                    if text := decode(data):
                        for message in parser.feed(text):
                            self.process_message(message)
                for message in parser.tick():
                    self.process_message(message)
                if self._woken in ready and not self.exit_event.is_set():
                    self.exit_event.wait(_TICK_SECONDS)  # it is set in a moment
