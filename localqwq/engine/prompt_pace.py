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

    The time of a batch is modelled as what its answers' tokens take alone, which is known for each
    number of answers that there was, plus a time per prompt token.
    """

    def __init__(self, step_s: float = _STEP_S) -> None:
        """Set up; ``step_s``: maximum seconds of a batch, if the model is fast enough."""
        self._step_s = step_s
        self._answers_s: dict[int, float] = {}
        self._token_s: float | None = None

    def piece(self, answering: int = 1) -> int:
        """Return the prompt tokens that the next batch may have besides those of so many answers;
        at least one.
        """
        return self._tokens_in(self._step_s, answering)

    def whole(self, answering: int = 1) -> int:
        """Return the prompt tokens that the next batch may have if they complete their prompts."""
        return self._tokens_in(max(self._step_s, _WHOLE_S), answering)

    def measure(self, answering: int, reading: int, seconds: float) -> None:
        """Record one batch: ``answering`` decode tokens and ``reading`` prompt tokens took
        ``seconds``.
        """
        if reading:
            rest = seconds - self._answers(answering)
            # A batch faster than its answers alone only shows that prefill is fast.
            self._token_s = _mean(self._token_s, max(rest, 0.01 * seconds) / reading)
        elif answering:
            self._answers_s[answering] = _mean(self._answers_s.get(answering), seconds)

    def _tokens_in(self, step_s: float, answering: int) -> int:
        if self._token_s is None:
            return _UNKNOWN_PIECE
        answers = self._answers(answering)
        left = max(step_s, _SLOWER * answers) - answers
        return max(1, int(left / self._token_s))

    def _answers(self, count: int) -> float:
        """Return the seconds of a batch of so many answers; beyond those that were measured, each
        counts like a prompt token.
        """
        known = max((fewer for fewer in self._answers_s if fewer <= count), default=0)
        return self._answers_s.get(known, 0.0) + (count - known) * (self._token_s or 0.0)


def _mean(before: float | None, now: float) -> float:
    return now if before is None else (1 - _NEW) * before + _NEW * now
