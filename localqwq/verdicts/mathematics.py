"""Whether two mathematical expressions have the same value, by ``math-verify``."""

import importlib.util
import json
from typing import Self

from localqwq import children
from localqwq.errors import LocalqwqError
from localqwq.line_child import LineChild, LineEnded

_SECONDS = 20.0
"""Seconds of processor time for one comparison; a usual one takes some milliseconds."""
_PATIENCE = 10
"""How often as long it may take on a busy machine, which must not change a verdict."""
_MEMORY = 2 << 30
"""Bytes that the process may use."""


class Mathematics:
    """Compares expressions in a child process that is kept; a context manager. Thread-safe."""

    def __init__(self, seconds: float = _SECONDS) -> None:
        """Set up; the process starts with the first comparison.

        ``seconds``: the processor time of a comparison.
        """
        self._child = LineChild(
            children.Child.MATHEMATICS,
            seconds=_PATIENCE * seconds,
            memory=_MEMORY,
            processor_seconds=seconds,
        )

    @property
    def is_installed(self) -> bool:
        """Whether ``math-verify`` is there."""
        return importlib.util.find_spec("math_verify") is not None

    def same_value(self, expected: str, given: str) -> bool:
        """Return whether both are equal; what cannot be decided within the limits is not.

        Raises ``LocalqwqError`` if ``math-verify`` is not installed.
        """
        if not self.is_installed:
            raise LocalqwqError(
                "Comparing expressions needs math-verify: pip install 'localqwq[eval]'."
            )
        try:
            return bool(json.loads(self._child.ask(json.dumps([expected, given]))))
        except LineEnded:
            return False

    def close(self) -> None:
        """End the process."""
        self._child.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
