"""How much of a prompt to process per batch while other answers are being written."""

_STEP_S = 0.1
"""Maximum seconds of a batch: at ten tokens per second, other answers do not visibly slow down."""
_WHOLE_S = 0.25
"""Maximum seconds of a batch that reads whole prompts: others wait once, not again and again, and
the new answers begin sooner.
"""
_SLOWER = 2.0
"""If a token alone takes more than half of that: the factor by which answers may slow down."""
_UNKNOWN_PIECE = 8
"""Tokens of the very first piece, when nothing has been measured."""
_NEW = 0.5
"""Weight of the newest measurement: attention makes each piece more expensive than the last."""


class Pace:
    """Learn from batches how long tokens take, and decide how long a piece may be.

    The time of a batch is modelled as a constant for the answers' tokens, nearly the same for one
    and for eight of them, plus a time per prompt token.
    """

    def __init__(self, step_s: float = _STEP_S) -> None:
        """Set up; ``step_s``: maximum seconds of a batch, if the model is fast enough."""
        self._step_s = step_s
        self._answers_s: float | None = None
        self._token_s: float | None = None

    def piece(self) -> int:
        """Return the prompt tokens that the next batch may have besides the answers'; at least
        one.
        """
        return self._tokens_in(self._step_s)

    def whole(self) -> int:
        """Return the prompt tokens that the next batch may have if they complete their prompts."""
        return self._tokens_in(max(self._step_s, _WHOLE_S))

    def measure(self, answering: int, reading: int, seconds: float) -> None:
        """Record one batch: ``answering`` decode tokens and ``reading`` prompt tokens took
        ``seconds``.
        """
        if answering and not reading:
            self._answers_s = _mean(self._answers_s, seconds)
        elif reading:
            rest = seconds - (self._answers_s or 0.0 if answering else 0.0)
            # A batch faster than its answers alone only shows that prefill is fast.
            self._token_s = _mean(self._token_s, max(rest, 0.01 * seconds) / reading)

    def _tokens_in(self, step_s: float) -> int:
        if self._token_s is None:
            return _UNKNOWN_PIECE
        answers = self._answers_s or 0.0
        left = max(step_s, _SLOWER * answers) - answers
        return max(1, int(left / self._token_s))


def _mean(before: float | None, now: float) -> float:
    return now if before is None else (1 - _NEW) * before + _NEW * now
