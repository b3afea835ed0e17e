"""llama.cpp itself: the one import of it, its log and its devices' C functions."""

import ctypes
import os
import re
from collections import deque
from functools import cache
from typing import Any

from localqwq.engine.llama.log_patterns import BUFFER_MARK
from localqwq.errors import LocalqwqError
from localqwq.installation.origin import rebuild_command

_MISSING_LIBRARY = re.compile(r"([\w.+-]+\.so[\w.]*): cannot open shared object file")
"""As the loader of Linux says it."""
_ERROR, _CONTINUED = 4, 5  # of enum ggml_log_level

_errors: deque[str] = deque(maxlen=8)
_buffers: deque[str] = deque(maxlen=256)
_nobody: set[int | None] = set()
"""The log callbacks of llama.cpp and of its binding."""


_processes: set[int] = set()
"""That which has loaded llama.cpp, in its forks too."""


def check_process() -> None:
    """Raise :class:`LocalqwqError` in a process that was forked after llama.cpp was loaded.

    The threads and the devices' state that it believes in are not there: it would wait for them.
    """
    binding()
    if os.getpid() not in _processes:
        raise LocalqwqError(
            "This process was forked from one that had loaded llama.cpp, so it can load no "
            "model: start it by the spawn method of multiprocessing."
        )


@cache
def binding() -> Any:
    """The low-level ``llama_cpp`` functions, with the backends initialised and the log silenced.

    The binding is only partly typed, hence ``Any``. Raises :class:`LocalqwqError` where the
    package or its shared library cannot be loaded.
    """
    try:
        from llama_cpp import llama_cpp
    except (ImportError, OSError, RuntimeError) as failure:
        raise LocalqwqError(_why_not_loaded(str(failure))) from failure
    functions: Any = llama_cpp
    _nobody.add(_listener(functions))
    functions.llama_log_set(functions.llama_log_callback(), ctypes.c_void_p(0))
    _nobody.add(_listener(functions))
    functions.llama_log_set(_log_callback(functions), ctypes.c_void_p(0))
    functions.llama_backend_init()
    _processes.add(os.getpid())
    return functions


def _why_not_loaded(said: str) -> str:
    """Return what a failed load means; ``said`` is the loader's or the binding's sentence."""
    missing = _MISSING_LIBRARY.search(said)
    if missing is None:
        return f"llama.cpp cannot be loaded ({said}); compile it again: {rebuild_command()}"
    return (
        f"llama.cpp cannot be loaded, since {missing[1]} is missing, with which it was compiled: "
        "install it or add its folder to LD_LIBRARY_PATH, or compile llama.cpp again: "
        f"{rebuild_command()}"
    )


def ggml_function(name: str, result: Any, *arguments: Any) -> Any:
    """A C function of ggml, which the binding does not wrap, with the ctypes of its signature.

    A symbol is looked up in the libraries that libllama is linked with, too.
    """
    function = getattr(binding()._lib, name)
    function.restype, function.argtypes = result, arguments
    return function


def buffer_lines() -> tuple[str, ...]:
    """What llama.cpp has said of the buffers that it made since :func:`clear_buffer_lines`."""
    return tuple(_buffers)


def clear_buffer_lines() -> None:
    """Forget the buffers of earlier loads."""
    _buffers.clear()


def clear_errors() -> None:
    """Forget what llama.cpp has complained about so far, and see to it that more is heard.

    There is one log in a process: somebody else's use of llama.cpp may have given it back.
    """
    functions = binding()
    if _listener(functions) in _nobody:
        functions.llama_log_set(_log_callback(functions), ctypes.c_void_p(0))
    _errors.clear()


def last_error() -> str:
    """The first line that llama.cpp logged as an error since :func:`clear_errors`, or ``""``.

    The first one names the cause; those after it only say that the callers failed, too.
    """
    return next((line for text in _errors if (line := text.strip())), "")


def _listener(functions: Any) -> int | None:
    """Address of the function that llama.cpp tells its log to."""
    get = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)(
        ("llama_log_get", functions._lib)
    )
    callback, data = ctypes.c_void_p(), ctypes.c_void_p()
    get(ctypes.byref(callback), ctypes.byref(data))
    return callback.value


@cache  # the C side keeps the pointer: it must live as long as the process
def _log_callback(functions: Any) -> Any:
    level_before = 0

    def keep_some(level: int, text: bytes, _data: ctypes.c_void_p) -> None:
        nonlocal level_before
        if BUFFER_MARK in text:
            _buffers.append(text.decode("utf-8", "replace"))
        continued = level == _CONTINUED
        if not continued:
            level_before = level
        if level_before != _ERROR:
            return
        line = text.decode("utf-8", "replace")
        if continued and _errors:
            _errors[-1] += line
        else:
            _errors.append(line)

    return functions.llama_log_callback(keep_some)
