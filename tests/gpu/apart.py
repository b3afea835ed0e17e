"""Tests in processes of their own: a driver that ends its process ends one test, not all.

Mesa 22.3's software device does that. When it binds a descriptor set, it takes a reference to the
buffer of each descriptor, of those as well that the shader does not use; but ggml replaces its
scratch buffers by larger ones when a graph needs them, and leaves what it has destroyed in the
descriptors that the next shaders do not use, as Vulkan allows. Mesa then gives up references to a
buffer that is gone: a segmentation fault in the thread of its queue, always at one instruction, if
the memory has become something else's by then. A program that does only that, without ggml, crashes
there in 22.3.6 once freed memory is cleared; in 25.0.7 valgrind finds no access to what is freed.
What a crash interrupts is done again on Mesa's device; on any other device it is a failure.
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
    if not description.startswith(SOFTWARE):
        return act()
    for _ in range(_TRIES - 1):
        try:
            return act()
        except BrokenProcessPool:
            continue
    try:
        return act()
    except BrokenProcessPool as error:
        error.add_note(f"Mesa's device crashed {_TRIES} times; see {__name__} for a known cause.")
        raise


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
