"""How long to wait before a server is asked again, and when to give up on it."""

FIRST_S, LONGEST_S = 1.0, 60.0
ATTEMPTS = 7
"""In a row without a single byte: about two minutes."""
LONGEST_WISH_S = 600.0
"""A server that wants to be left alone for longer is given up on."""


class Patience:
    """Delays that double, until something comes."""

    def __init__(self, attempts: int = ATTEMPTS) -> None:
        self._attempts = attempts
        self._failures = 0
        self._progressed = True

    def progress(self) -> None:
        """Something has come."""
        self._failures = 0
        self._progressed = True

    def delay(self, wish: float | None) -> float | None:
        """Seconds to wait after a failure, what the server wishes if it does; ``None``: give up.

        A connection that breaks after it has brought something is made again at once.
        """
        if wish is not None and wish > LONGEST_WISH_S:
            return None
        own = 0.0 if self._progressed else FIRST_S * 2 ** (self._failures - 1)
        self._progressed = False
        self._failures += 1
        if self._failures >= self._attempts:
            return None
        return min(own, LONGEST_S) if wish is None else wish
