"""Tests in processes of their own: a driver that ends its process ends one test, not all.

On Mesa 22.3's software device that happens now and then: a segmentation fault in the driver's
thread for the queue, always at the same instruction, where it gives up a reference to a storage
buffer that an earlier command used and finds that gone. It has not been seen with llama.cpp alone,
nor again since. What it interrupts is done again there; on any other device a crash is a failure.
"""

import importlib
import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import wraps
from typing import Any, TypeVar

T = TypeVar("T")

SOFTWARE = "llvmpipe"
"""What the description of Mesa's device begins with."""
_TRIES = 3


def again_after_mesa(description: str, act: Callable[[], T]) -> T:
    """What ``act`` returns; done again where Mesa's device, by its ``description``, crashed."""
    for _ in range(_TRIES - 1 if description.startswith(SOFTWARE) else 0):
        try:
            return act()
        except BrokenProcessPool:
            continue
    return act()


def apart(test: Callable[..., None]) -> Callable[..., None]:
    """Decorate a test that has the fixture ``device``."""

    @wraps(test)
    def run(**fixtures: Any) -> None:
        def once() -> None:
            fresh = multiprocessing.get_context("spawn")
            with ProcessPoolExecutor(1, fresh) as process:
                process.submit(_body, test.__module__, test.__name__, fixtures).result()

        again_after_mesa(fixtures["device"].description, once)

    return run


def _body(module: str, name: str, fixtures: dict[str, Any]) -> None:
    test: Any = getattr(importlib.import_module(module), name)
    test.__wrapped__(**fixtures)
