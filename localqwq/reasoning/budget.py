"""Limiting a thought: budgets, requests during generation, and where it can be closed."""

from collections.abc import Mapping
from typing import Literal

EFFORTS: Mapping[str, int | None] = {
    "none": 0,
    "minimal": 256,
    "low": 1024,
    "medium": 4096,
    "high": None,
    "xhigh": None,
    "max": None,
}
"""Tokens of thought by ``reasoning_effort``, under OpenAI's names; ``None`` for no limit. QwQ's
thoughts mostly have one to ten thousand tokens.
"""

HANDOVER = "I have thought long enough and give my answer now."
"""Text at the end of a thought that is closed from outside, unless the request has its own."""

_GRACE = (8, 64)
"""Minimum and maximum tokens that a sentence may exceed the budget by."""
_GRACE_ON_REQUEST = 32
"""Tokens beyond a request to answer: somebody is waiting."""
_SENTENCE_ENDS = ".!?…。！？"
_CLOSERS = "\"'”’»)]*_`"


class ThoughtControl:
    """The requests about one thought while it runs.

    Written by the thread that serves the user and read by the generating thread, in plain
    attributes, which Python reads and writes atomically.
    """

    def __init__(self, budget: int | None = None) -> None:
        """Set up; ``budget`` in tokens of thought, ``None`` for no limit."""
        self.budget = budget
        self.answer_wanted = False
        self.over = False
        """Whether the thought has ended, is being closed, or never was: too late for any
        request.
        """

    def answer_now(self) -> bool:
        """Close the thought at its next sentence; return whether there still is one to close."""
        if not self.over:
            self.answer_wanted = True
        return not self.over

    def grant(self, budget: int | None) -> bool:
        """Set a new budget, counted from the thought's beginning; return whether it can matter.

        Cancels a request to answer now.
        """
        if not self.over:
            self.budget, self.answer_wanted = budget, False
        return not self.over


class SentenceEnd:
    """Whether a stream of text is at the end of a sentence, at constant cost per piece."""

    def __init__(self) -> None:
        self._tail = ""

    def feed(self, text: str) -> None:
        """Add the next piece of text."""
        if text:
            self._tail = (self._tail + text)[-16:]

    @property
    def line_ended(self) -> bool:
        """Return whether a line break was the last character."""
        return self._tail.endswith("\n")

    @property
    def reached(self) -> bool:
        """Return whether the text ends with a line break, or a full stop outside a number."""
        text = self._tail.rstrip(" \t")
        if not text:
            return False
        if text[-1] in "\r\n":
            return True
        text = text.rstrip(_CLOSERS)
        return text[-1:] in tuple(_SENTENCE_ENDS) and not (
            text[-1] == "." and text[-2:-1].isdigit()
        )


class ThoughtLimit:
    """Decides after each token of a thought whether it has to be closed."""

    def __init__(self, control: ThoughtControl) -> None:
        self._control = control
        self._sentence = SentenceEnd()
        self._tokens = 0
        self._wanted_at = 0  # tokens when the request to answer was first seen
        self._was_wanted = False

    def feed(self, text: str) -> None:
        """Add the next token of the thought, with the text that it completes."""
        self._tokens += 1
        self._sentence.feed(text)

    def due(self) -> Literal["budget", "requested"] | None:
        """Return why the thought has to be closed here, or None."""
        control = self._control
        if control.answer_wanted:
            if not self._was_wanted:
                self._was_wanted, self._wanted_at = True, self._tokens
            if self._may_close(self._tokens - self._wanted_at, _GRACE_ON_REQUEST):
                return "requested"
        else:
            self._was_wanted = False
        budget = control.budget
        if budget is None or self._tokens < budget:
            return None
        least, most = _GRACE
        if self._may_close(self._tokens - budget, min(most, max(least, budget // 4))):
            return "budget"
        return None

    def handover(self, sentence: str) -> str:
        """Return the text that ends the thought here: the sentence in its own paragraph.

        The sentence is omitted if nothing has been thought.
        """
        if not sentence or self._tokens == 0:
            return "\n"
        return ("\n" if self._sentence.line_ended else "\n\n") + sentence + "\n"

    def _may_close(self, beyond: int, grace: int) -> bool:
        return self._tokens == 0 or beyond >= grace or self._sentence.reached
