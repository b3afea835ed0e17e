"""An engine's process that is started before it is known what it will load.

It imports what it needs and opens the devices in the time that planning takes, and lists them for
the plan.
"""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
from time import monotonic
from typing import TYPE_CHECKING

from localqwq import children
from localqwq.server.supervision.process import ChildProcess

if TYPE_CHECKING:
    from localqwq.hardware.probe import Found
    from localqwq.server.engine.messages import Load

_LAST_WORDS_S = 5.0
"""Seconds for a process to end that has closed its socket."""


class WaitingEngine:
    """A process that has nothing to load yet, and the socket to it."""

    def __init__(self) -> None:
        """Start it; raises OSError."""
        self.told: Load | None = None
        """What it is loading already."""
        self.socket, theirs = socket.socketpair()
        """Our end; of whoever has the process."""
        with theirs:
            command = [sys.executable, "-P", "-m", children.Child.ENGINE]
            command += ["--fd", str(theirs.fileno())]
            try:
                self.process = ChildProcess(command, [theirs.fileno()])
            except BaseException:
                self.socket.close()
                raise

    def described(self, patience: float | None = None) -> Found:
        """Return its report of the devices, and a sentence about what went wrong or ``None``.

        The process has ended if there is one. ``patience``: seconds to wait, if not the usual ones.
        """
        from localqwq.codec import Malformed
        from localqwq.hardware.probe import TIME_LIMIT_S, Report, ended, too_late
        from localqwq.server.engine.frames import framed, read_message
        from localqwq.server.engine.messages import (
            Describe,
            Described,
            from_bytes,
            to_bytes,
            to_up,
        )

        patience = TIME_LIMIT_S if patience is None else patience
        deadline = monotonic() + patience
        try:
            self.socket.settimeout(patience)
            self.socket.sendall(framed(to_bytes(Describe())))
            message = to_up(from_bytes(read_message(self.socket, deadline)))
            self.socket.settimeout(None)
        except TimeoutError:
            self.end()
            return Report(), too_late(patience)
        except (OSError, EOFError):
            code, said = self.process.read_to_end(_LAST_WORDS_S)
            self.socket.close()
            return Report(), ended(code, said)
        except Malformed:
            message = None
        if not isinstance(message, Described):
            self.end()
            return Report(), "llama.cpp's list of devices could not be parsed."
        return message.report, None

    def load(self, load: Load) -> None:
        """Have it load a model; whoever attends to its socket hears about it."""
        from localqwq.server.engine.frames import framed
        from localqwq.server.engine.messages import to_bytes

        with contextlib.suppress(OSError):  # it has ended, which is noticed later
            self.socket.sendall(framed(to_bytes(load)))
        self.told = load

    def end(self) -> None:
        """Kill the process, which has nothing to lose."""
        self.process.kill()
        self.process.read_to_end(_LAST_WORDS_S)
        self.socket.close()


class _Slot:
    """The waiting engine of this process, if there is one. Thread-safe."""

    def __init__(self) -> None:
        self._waiting: WaitingEngine | None = None
        self._lock = threading.Lock()

    def begin(self) -> None:
        """Start one, unless there is one; the next listing of devices asks it."""
        with self._lock, contextlib.suppress(OSError):  # the load itself will tell
            self._waiting = self._waiting or WaitingEngine()
        from localqwq.hardware.probe import ask_first

        ask_first(self._described)

    def load(self, load: Load) -> None:
        """Have it load a model, which somebody will soon :meth:`take`; nothing without one."""
        with self._lock:
            if self._waiting is not None and self._waiting.told is None:
                self._waiting.load(load)

    def take(self, load: Load) -> WaitingEngine | None:
        """Return it, loading this; it is the caller's from now on. One with another load ends."""
        if (waiting := self._taken()) is None:
            return None
        if waiting.told is None:
            waiting.load(load)
        if waiting.told == load:
            return waiting
        waiting.end()
        return None

    def end(self) -> None:
        """End it, if nobody has taken it; whoever waits for its report learns of that."""
        if (asked := self._waiting) is not None:
            asked.process.kill()
        if (waiting := self._taken()) is not None:
            waiting.end()

    def _taken(self) -> WaitingEngine | None:
        with self._lock:
            waiting, self._waiting = self._waiting, None
        return waiting

    def _described(self) -> Found | None:
        with self._lock:
            if self._waiting is None or self._waiting.told is not None:
                return None
            found = self._waiting.described()
            if found[1] is not None:
                self._waiting = None
            return found


waiting_engine = _Slot()
"""The one that whoever loads a model next takes."""
