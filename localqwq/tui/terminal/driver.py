"""Reading keys and pastes from the terminal, sleeping while nobody types, and writing little."""

from __future__ import annotations

import asyncio
import codecs
import contextlib
import os
import selectors
import signal
import sys
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Protocol, cast, runtime_checkable

from textual import constants, events
from textual._xterm_parser import XTermParser
from textual.drivers.linux_driver import LinuxDriver

from localqwq.tui.keyboard.escapes import ESCAPE, AltKey, EscapeKey, Escapes
from localqwq.tui.keyboard.pastes import Pasted, Pastes
from localqwq.tui.keyboard.typed_ahead import TypedAhead, TypedAheadIn
from localqwq.tui.terminal.repaint import Picture
from localqwq.tui.terminal.watch import TerminalOutput

if TYPE_CHECKING:
    from io import TextIOWrapper

    from textual.app import App

_TICK_SECONDS = 0.05
"""Seconds between two checks whether a sequence has ended, while one may be under way."""
_ALERT_SECONDS = constants.ESCAPE_DELAY + 2 * _TICK_SECONDS
"""Seconds after which the parser has decided about a lone Escape."""
_LOST_SECONDS = 10.0
"""Seconds without input after which an unfinished paste is over."""


_REPAIRED_SECONDS = 1.0
"""Seconds of pause after which a whole frame is written, since another program may have written,
too.
"""


@runtime_checkable
class Pictured(Protocol):
    """An app that knows when it no longer knows what the terminal shows."""

    picture: Picture


@runtime_checkable
class WithAltKeys(Protocol):
    """An app that knows which keys with Alt do something."""

    @property
    def alt_keys(self) -> frozenset[str]:
        """Their names; safe to call in any thread."""


class TerminalDriver(LinuxDriver):
    """Textual's driver for Linux and macOS, except for reading and writing.

    Its reading thread sleeps while nobody types, pastes never reach the parser, what was typed
    before the app started is kept, and only differences are written. It does not hang when the
    terminal is gone.
    """

    def __init__(
        self,
        app: App[Any],
        *,
        debug: bool = False,
        mouse: bool = True,
        size: tuple[int, int] | None = None,
    ) -> None:
        super().__init__(app, debug=debug, mouse=mouse, size=size)
        if sys.__stderr__ is not None:
            # The thread that writes needs no more of a file than that.
            self._file = cast("TextIOWrapper", TerminalOutput(sys.__stderr__))
        self._woken, self._wake = os.pipe()
        """The thread also waits for this, so that it can be told to end."""
        self._picture = app.picture if isinstance(app, Pictured) else Picture()
        self._written = 0.0
        self._is_away = False
        self._comes_back = False
        """Whether the terminal is left only for a while."""
        self._events = asyncio.get_running_loop()
        # Textual's own handlers write and wait for threads wherever a signal interrupts the app,
        # which may hold the locks that they need.
        signal.signal(signal.SIGTSTP, self._told_to_sleep)
        signal.signal(signal.SIGCONT, self._told_to_go_on)

    def _told_to_sleep(self, *_: object) -> None:
        """Stop the process: at once while another program has the terminal, else in order."""
        if self._is_away:
            os.kill(os.getpid(), signal.SIGSTOP)
        else:
            self._events.call_soon_threadsafe(self._sigtstp_application)

    def _told_to_go_on(self, *_: object) -> None:
        self._events.call_soon_threadsafe(self._go_on)

    def _go_on(self) -> None:
        """Take the terminal back, even after an unannounced stop."""
        if self._auto_restart:
            if not self._is_away:
                self.suspend_application_mode()
            self.resume_application_mode()

    def stop_application_mode(self) -> None:
        """Restore the terminal as it was before the app."""
        if isinstance(self._app, TypedAheadIn) and self._app.typed_ahead.modes is not None:
            self.attrs_before = self._app.typed_ahead.modes
        super().stop_application_mode()

    def suspend_application_mode(self) -> None:
        """Leave the terminal to another program for a while."""
        self._comes_back = True
        super().suspend_application_mode()
        self._comes_back = False
        self._is_away = True

    def resume_application_mode(self) -> None:
        """Take the terminal back; what it shows is unknown."""
        self._is_away = False
        self._picture.forget()
        super().resume_application_mode()

    def write(self, data: str) -> None:
        """Write to the terminal, unless another program has it now."""
        if self._is_away:
            return
        now = time.monotonic()
        if now - self._written > _REPAIRED_SECONDS:
            self._picture.forget()
        self._written = now
        super().write(self._picture.reduced(data, self._app.size.width))

    def disable_input(self) -> None:
        """Stop reading until application mode begins again."""
        os.write(self._wake, b".")
        if self._comes_back:
            self._stop_reading()
        else:
            super().disable_input()
        os.read(self._woken, 1)

    def _stop_reading(self) -> None:
        """End the reading thread; unread input waits in the terminal.

        Textual's own way discards it.
        """
        signal.signal(signal.SIGWINCH, signal.SIG_DFL)
        self._disable_mouse_support()
        self.exit_event.set()
        if self._key_thread is not None:
            self._key_thread.join()
        self.exit_event.clear()

    def run_input_thread(self) -> None:
        """Pass on input until ``disable_input`` or the terminal's end."""
        app = self._app
        ahead = app.typed_ahead if isinstance(app, TypedAheadIn) else TypedAhead()
        parser, pastes = XTermParser(self._debug), Pastes()
        escapes = Escapes(lambda: app.alt_keys if isinstance(app, WithAltKeys) else ())
        decode = codecs.getincrementaldecoder("utf-8")(errors="replace").decode

        def hand_on(pieces: Iterable[bytes | Pasted]) -> None:
            for piece in pieces:
                if isinstance(piece, Pasted):
                    self.process_message(events.Paste(piece.text))
                # Part of a letter is not text yet, and the parser would take it for the end.
                elif text := decode(piece):
                    press(escapes.feed(text))

        def press(pieces: Iterable[str | EscapeKey | AltKey]) -> None:
            for piece in pieces:
                match piece:
                    case EscapeKey():
                        self.process_message(events.Key("escape", ESCAPE))
                    case AltKey(character):
                        self.process_message(events.Key(piece.name, character))
                    case text:
                        for message in parser.feed(text):
                            self.process_message(message)

        alert_until = 0.0
        # Not epoll or kqueue: the latter cannot wait for terminals.
        with selectors.SelectSelector() as selector:
            selector.register(self.fileno, selectors.EVENT_READ)
            selector.register(self._woken, selectors.EVENT_READ)
            while not self.exit_event.is_set():
                alert = escapes.is_waiting or time.monotonic() < alert_until
                wait = _TICK_SECONDS if alert else None
                if pastes.is_pasting:
                    wait = _LOST_SECONDS
                ready = {key.fd for key, _ in selector.select(wait)}
                if self.fileno in ready:
                    alert_until = time.monotonic() + _ALERT_SECONDS
                    data = b""
                    with contextlib.suppress(OSError):  # how some systems report that it is gone
                        data = os.read(self.fileno, 1 << 16)
                    if not data:
                        return
                    hand_on(pastes.feed(ahead.keys(data)))
                elif not ready:
                    press(escapes.release())
                    hand_on(pastes.release())
                for message in parser.tick():
                    self.process_message(message)
                if self._woken in ready and not self.exit_event.is_set():
                    self.exit_event.wait(_TICK_SECONDS)  # it is set in a moment
