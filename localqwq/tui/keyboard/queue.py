"""Input in order: each key waits until earlier input has been processed.

Textual hands a key to the focused widget's queue and goes on. Command keys take another path than
text, and what a command starts takes even longer, so fast keys overtake each other: the text for a
new conversation would end up in the old one.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Protocol, runtime_checkable

from textual import events
from textual.app import App
from textual.dom import DOMNode
from textual.errors import NoWidget
from textual.message_pump import MessagePump
from textual.widget import Widget
from textual.widgets import Input, TextArea
from textual.worker import Worker, WorkerError

_PASSIVE = (events.MouseMove, events.MouseScrollUp, events.MouseScrollDown)
"""Events that start nothing that later input depends on."""
_EDITING = frozenset(
    {"enter", "ctrl+j", "shift+enter", "alt+enter", "backspace", "delete"}
    | {"left", "right", "home", "end", "ctrl+left", "ctrl+right", "ctrl+w", "ctrl+u"}
)
"""Keys besides text that need only a prompt to type in."""
_ROUNDS, _QUIET = 12, 3
"""How often to check the widgets' queues at most, and how often in a row they must be empty."""
_LOOK_S = 0.1
"""Seconds between two checks whether a widget still exists."""
TELL_S = 0.4
"""Seconds before telling that keys are waiting."""
PATIENCE_S = 1.0
"""Maximum seconds that quitting waits for earlier work."""


class InputQueue:
    """Delivers input events one by one."""

    def __init__(
        self,
        app: App[Any],
        deliver: Callable[[events.Event], Awaitable[None]],
        is_urgent: Callable[[events.Event], bool],
        tell: Callable[[bool], None],
    ) -> None:
        """Set up; ``deliver`` passes an event to its widget.

        ``is_urgent``: whether an event may overtake others that wait for too long. ``tell``: called
        with whether input has been waiting noticeably long.
        """
        self._app = app
        self._deliver = deliver
        self._is_urgent = is_urgent
        self._tell = tell
        self._events: deque[events.Event] = deque()
        self._came = asyncio.Event()
        self._held: set[asyncio.Task[Any]] = set()
        self._waits_since: float | None = None
        self._last: events.Event | None = None
        self.opened = asyncio.Event()
        """Set once a conversation is open: earlier commands have nothing to act on."""

    @property
    def waits(self) -> float:
        """Seconds that input has been waiting for earlier work."""
        since = self._waits_since
        return 0.0 if since is None or not self._events else time.monotonic() - since

    def put(self, event: events.Event) -> None:
        """Queue an event after all others."""
        if self._is_urgent(event) and self.waits > PATIENCE_S:
            self._events.appendleft(event)
            self._held.clear()
            self.opened.set()
        else:
            self._events.append(event)
        self._came.set()

    def put_first(self, event: events.Event) -> None:
        """Queue an event that stands for one just delivered, such as a click on a key."""
        self._events.appendleft(event)
        self._came.set()

    def hold(self, worker: Worker[Any]) -> None:
        """Deliver nothing until this work is done: later input depends on it."""
        self._held.add(asyncio.create_task(_finished(worker)))

    async def run(self) -> None:
        """Deliver events forever."""
        while True:
            while not self._events:
                self._came.clear()
                await self._came.wait()
            if not self._may_follow(self._events[0]):
                await self._settle()
            event = self._events.popleft()
            if not isinstance(event, _PASSIVE):
                self._last = event
            await self._deliver(event)

    def _may_follow(self, event: events.Event) -> bool:
        """Return whether an event need not wait: text after text takes the same path."""
        if isinstance(event, _PASSIVE):
            return True
        before = self._last
        return before is not None and self._is_text(event) and self._is_text(before)

    def _is_text(self, event: events.Event) -> bool:
        field = isinstance(self._app.focused, Input | TextArea)
        return field and isinstance(event, events.Key) and event.is_printable

    def _is_early(self, event: events.Event) -> bool:
        """Return whether an event can be delivered before a conversation is open."""
        if isinstance(event, events.Key):
            return event.is_printable or event.key in _EDITING or self._is_urgent(event)
        return isinstance(event, events.Paste)

    # Waiting

    async def _settle(self) -> None:
        """Wait until everything delivered is done, including what it started."""
        while True:
            # Finished work may have sent messages, which are waited for; what ends meanwhile may
            # send others.
            self._held = {task for task in self._held if not task.done()}
            await self._drain()
            if not self._is_held():
                break
            self._waits_since = self._waits_since or time.monotonic()
            if self.waits > TELL_S:
                self._tell(True)
            await self._wait()
        if self._waits_since is not None:
            self._waits_since = None
            self._tell(False)

    def _is_held(self) -> bool:
        is_open = self.opened.is_set() or not self._events or self._is_early(self._events[0])
        return bool(self._held) or not is_open

    async def _wait(self) -> None:
        """Wait a short while for what blocks input."""
        if self._held:
            await asyncio.wait(self._held, timeout=_LOOK_S)
        else:
            with suppress(TimeoutError):
                await asyncio.wait_for(self.opened.wait(), _LOOK_S)

    async def _drain(self) -> None:
        """Wait until the queues of the last event's widgets are empty."""
        quiet = 0
        for _ in range(_ROUNDS):
            pumps = self._pumps()
            for pump in pumps:
                await _passed(pump)
            quiet = 0 if any(pump.message_queue_size for pump in pumps) else quiet + 1
            if quiet == _QUIET:
                return

    def _pumps(self) -> list[MessagePump]:
        """Return the focused widget, the one under the mouse, and their ancestors; the app last."""
        app, targets = self._app, [self._app.focused]
        if isinstance(self._last, events.MouseEvent):
            with suppress(NoWidget):
                targets.append(app.get_widget_at(*app.mouse_position)[0])
        nodes: dict[DOMNode, None] = {}
        for target in targets:
            if isinstance(target, Widget):
                nodes |= dict.fromkeys(target.ancestors_with_self)
        nodes.pop(app, None)
        return [*nodes, *([] if app.screen in nodes else [app.screen]), app]


@runtime_checkable
class Ordered(Protocol):
    """An app that processes input in order."""

    @property
    def keyboard(self) -> InputQueue:
        """The input queue."""


def hold(node: DOMNode, worker: Worker[Any]) -> None:
    """Block input for work started by ``node``, if the app processes input in order."""
    if isinstance(node.app, Ordered):
        node.app.keyboard.hold(worker)


async def _finished(worker: Worker[Any]) -> None:
    with suppress(WorkerError):  # the worker's owner handles it
        await worker.wait()


async def _passed(pump: MessagePump) -> None:
    """Wait until a pump has processed its current queue, or is gone."""
    passed = asyncio.Event()
    if not pump.call_later(passed.set):
        return
    while not passed.is_set() and pump.is_running:
        with suppress(TimeoutError):
            await asyncio.wait_for(passed.wait(), _LOOK_S)
