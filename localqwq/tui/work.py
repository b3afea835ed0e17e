"""Background work of a screen or widget, which ends with it.

Textual cancels a screen's workers only after its widgets are gone. Work that returns in between no
longer finds them, and Textual would end the app with a traceback while it is being left.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from textual import work as _work
from textual.css.query import NoMatches
from textual.dom import DOMNode, NoScreen
from textual.widget import MountError
from textual.worker import Worker, WorkerFailed

Node = TypeVar("Node", bound=DOMNode)
Given = ParamSpec("Given")
Result = TypeVar("Result")

_GONE = (MountError, NoMatches, NoScreen)


def misses_widget(error: BaseException) -> bool:
    """Return whether an error, or that of a worker, says that a widget is no longer there."""
    return isinstance(error.error if isinstance(error, WorkerFailed) else error, _GONE)


def work(
    *, group: str = "default", exclusive: bool = False
) -> Callable[
    [Callable[Concatenate[Node, Given], Coroutine[Any, Any, Result]]],
    Callable[Concatenate[Node, Given], Worker[Result]],
]:
    """Return a decorator like Textual's ``work``; without a widget, closed work is cancelled."""

    def decorate(
        method: Callable[Concatenate[Node, Given], Coroutine[Any, Any, Result]],
    ) -> Callable[Concatenate[Node, Given], Worker[Result]]:
        @wraps(method)
        async def ending(node: Node, /, *args: Given.args, **kwargs: Given.kwargs) -> Result:
            try:
                return await method(node, *args, **kwargs)
            except _GONE as error:
                if _is_open(node):
                    raise
                raise asyncio.CancelledError from error

        return _work(group=group, exclusive=exclusive)(ending)

    return decorate


def _is_open(node: DOMNode) -> bool:
    """Return whether a widget's screen is still one of the app's."""
    app = node.app
    return app.is_running and node.is_attached and node.screen in app.screen_stack
