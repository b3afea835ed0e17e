"""How much of a prompt is read at a time while others' answers are being written."""

_STEP_S = 0.1
"""Seconds that a batch may take; ten tokens a second are read without noticing the others."""
_SLOWER = 2.0
"""Where a token alone takes longer than half of that: by which factor answers may be slowed."""
_UNKNOWN_PIECE = 8
"""Tokens of the first piece of all, when nothing was measured yet."""
_NEW = 0.5
"""Weight of the newest measurement: attention makes each piece dearer than the one before."""


class Pace:
    """Learns from the batches how long tokens take, and says how long a piece may be.

    The time of a batch is taken as that of the answers' tokens, which is nearly the same for one
    and for eight of them, and so much for each token of a prompt.
    """

    def __init__(self, step_s: float = _STEP_S) -> None:
        """``step_s``: seconds that a batch may take, where the model is fast enough for that."""
        self._step_s = step_s
        self._answers_s: float | None = None
        self._token_s: float | None = None

    def piece(self) -> int:
        """Tokens of prompts that the next batch may have beside the answers'; at least one."""
        if self._token_s is None:
            return _UNKNOWN_PIECE
        answers = self._answers_s or 0.0
        left = max(self._step_s, _SLOWER * answers) - answers
        return max(1, int(left / self._token_s))

    def measure(self, answering: int, reading: int, seconds: float) -> None:
        """A batch had a token for each of so many answers, and so many of prompts."""
        if answering and not reading:
            self._answers_s = _mean(self._answers_s, seconds)
        elif reading:
            rest = seconds - (self._answers_s or 0.0 if answering else 0.0)
            # A batch that was faster than its answers alone says only that reading is fast.
            self._token_s = _mean(self._token_s, max(rest, 0.01 * seconds) / reading)


def _mean(before: float | None, now: float) -> float:
    return now if before is None else (1 - _NEW) * before + _NEW * now
