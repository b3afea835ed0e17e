"""A flag that ends a running decode from another thread."""

import ctypes
from typing import Any

from localqwq.engine.llama.library import binding


class AbortFlag:
    """What ``llama_set_abort_callback`` is given; the CPU and Metal backends ask for it.

    They ask between any two operations, so it must not need the interpreter: the callback is the
    C library's own ``strlen`` over a text of no or one character.
    """

    def __init__(self) -> None:
        """Not raised."""
        self._text = ctypes.create_string_buffer(2)
        library: Any = ctypes.CDLL(None)
        self.callback: Any = ctypes.cast(library.strlen, binding().ggml_abort_callback)
        self.data = ctypes.cast(self._text, ctypes.c_void_p)

    def set(self) -> None:
        """End the decode that is going on."""
        self._text[0] = b"!"

    def clear(self) -> None:
        """Let decodes run to their end again."""
        self._text[0] = b"\0"
