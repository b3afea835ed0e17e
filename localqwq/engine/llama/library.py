"""The only import of llama.cpp, its log and its devices' C functions."""

import ctypes
import os
import re
import sys
from collections import deque
from functools import cache
from importlib.util import find_spec, module_from_spec
from typing import Any

from localqwq.engine.llama.log_patterns import BUFFER_MARK
from localqwq.errors import LocalqwqError
from localqwq.installation.origin import rebuild_command

_MISSING_LIBRARY = re.compile(r"([\w.+-]+\.so[\w.]*): cannot open shared object file")
"""The message of Linux's loader."""
_ERROR, _CONTINUED = 4, 5  # of enum ggml_log_level

_errors: deque[str] = deque(maxlen=8)
_buffers: deque[str] = deque(maxlen=256)
_nobody: set[int | None] = set()
"""Log callbacks of llama.cpp and its binding that do nothing."""


_processes: set[int] = set()
"""The process that loaded llama.cpp, even after a fork."""


def check_process() -> None:
    """Raise :class:`LocalqwqError` in a process that was forked after llama.cpp was loaded.

    Threads and device state are missing there, and llama.cpp would wait for them.
    """
    binding()
    if os.getpid() not in _processes:
        raise LocalqwqError(
            "This process was forked from one that had loaded llama.cpp, so it cannot load a "
            "model: start it with the spawn method of multiprocessing."
        )


@cache
def binding() -> Any:
    """Return the low-level ``llama_cpp`` module, with initialized backends and a silent log.

    The binding is only partly typed, hence ``Any``. Raises :class:`LocalqwqError` if the package or
    its shared library cannot be loaded.
    """
    try:
        functions = _low_level()
    except (ImportError, OSError, RuntimeError) as failure:
        raise LocalqwqError(_why_not_loaded(str(failure))) from failure
    _nobody.add(_listener(functions))
    functions.llama_log_set(functions.llama_log_callback(), ctypes.c_void_p(0))
    _nobody.add(_listener(functions))
    functions.llama_log_set(_log_callback(functions), ctypes.c_void_p(0))
    functions.llama_backend_init()
    _processes.add(os.getpid())
    return functions


def _low_level() -> Any:
    """Import the binding's low-level module alone.

    Its package imports the high-level one, too, and with it numpy and Jinja, which take longer than
    all the rest. Whoever imports the package later gets all of it, and the same library.
    """
    package, spec = "llama_cpp", find_spec("llama_cpp")
    is_ours = spec is not None and package not in sys.modules
    if spec is not None and is_ours:
        sys.modules[package] = module_from_spec(spec)  # without running it
    try:
        from llama_cpp import llama_cpp
    finally:
        if is_ours:
            del sys.modules[package]
    return llama_cpp


def _why_not_loaded(said: str) -> str:
    """Return what a failed load means; ``said`` is the message of the loader or the binding."""
    missing = _MISSING_LIBRARY.search(said)
    if missing is None:
        return f"llama.cpp cannot be loaded ({said}); compile it again: {rebuild_command()}"
    return (
        f"llama.cpp cannot be loaded, because {missing[1]}, which it was compiled against, is "
        "missing: install it or add its folder to LD_LIBRARY_PATH, or compile llama.cpp again: "
        f"{rebuild_command()}"
    )


def ggml_function(name: str, result: Any, *arguments: Any) -> Any:
    """Return a C function of ggml that the binding does not wrap, with its ctypes signature.

    Symbols are also looked up in the libraries that libllama is linked with.
    """
    function = getattr(binding()._lib, name)
    function.restype, function.argtypes = result, arguments
    return function


def buffer_lines() -> tuple[str, ...]:
    """Return llama.cpp's log lines about buffers since :func:`clear_buffer_lines`."""
    return tuple(_buffers)


def clear_buffer_lines() -> None:
    """Forget the buffers of earlier loads."""
    _buffers.clear()


def clear_errors() -> None:
    """Forget earlier errors in llama.cpp's log, and listen to it again.

    A process has only one log, and other users of llama.cpp may have redirected it.
    """
    functions = binding()
    if (logger := sys.modules.get("llama_cpp._logger")) is not None:  # imported since by others
        _nobody.add(ctypes.cast(logger.llama_log_callback, ctypes.c_void_p).value)
    if _listener(functions) in _nobody:
        functions.llama_log_set(_log_callback(functions), ctypes.c_void_p(0))
    _errors.clear()


def last_error() -> str:
    """Return llama.cpp's first error since :func:`clear_errors`, or an empty string.

    The first line names the cause; later ones only say that the callers failed too.
    """
    return next((line for text in _errors if (line := text.strip())), "")


def _listener(functions: Any) -> int | None:
    """Return the address of llama.cpp's current log callback."""
    get = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)(
        ("llama_log_get", functions._lib)
    )
    callback, data = ctypes.c_void_p(), ctypes.c_void_p()
    get(ctypes.byref(callback), ctypes.byref(data))
    return callback.value


@cache  # the C side keeps the pointer, which must live as long as the process
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
