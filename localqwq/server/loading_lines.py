"""The progress of a load as lines, for the process that waits for it."""

import contextlib

LOADING = "loading "
"""Prefix of the lines; a percentage follows."""
_LINES = 20
"""Maximum lines of progress per load."""


class LoadingLines:
    """Prints the progress of a load, in at most ``_LINES`` lines."""

    def __init__(self) -> None:
        self._printed = -1

    def __call__(self, part: float) -> None:
        """Report the fraction loaded, 0 to 1."""
        step = int(part * _LINES)
        if step <= self._printed:
            return
        self._printed = step
        with contextlib.suppress(OSError):  # nobody reads it any more
            print(f"{LOADING}{step / _LINES:.0%}", flush=True)
