"""A flag that aborts a running decode from another thread."""

import ctypes
from typing import Any

from localqwq.engine.llama.library import binding


class AbortFlag:
    """The argument of ``llama_set_abort_callback``; the CPU and Metal backends check it.

    They check it between operations, so it must not need the interpreter: the callback is the C
    library's own ``strlen`` on a text of zero or one character.
    """

    def __init__(self) -> None:
        """Create a flag that is not set."""
        self._text = ctypes.create_string_buffer(2)
        library: Any = ctypes.CDLL(None)
        self.callback: Any = ctypes.cast(library.strlen, binding().ggml_abort_callback)
        self.data = ctypes.cast(self._text, ctypes.c_void_p)

    def set(self) -> None:
        """Abort the running decode."""
        self._text[0] = b"!"

    def clear(self) -> None:
        """Let decodes run to their end again."""
        self._text[0] = b"\0"
