"""How long the model may think: budgets, requests on the way, and where a thought can be closed."""

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
"""Tokens of thought by ``reasoning_effort``, under OpenAI's names; ``None``: as many as it takes.
QwQ's thoughts mostly have one to ten thousand tokens."""

HANDOVER = "I have thought long enough and give my answer now."
"""What the thought says at its end when it is closed from outside, unless the request says else."""

_GRACE = (8, 64)
"""Least and most tokens that a sentence may have beyond the budget."""
_GRACE_ON_REQUEST = 32
"""Somebody waits for the answer."""
_SENTENCE_ENDS = ".!?…。！？"
_CLOSERS = "\"'”’»)]*_`"


class ThoughtControl:
    """What is wanted of one thought while it goes on.

    It is written by whoever serves the user and read by the thread that generates, in plain
    attributes, which Python reads and writes whole.
    """

    def __init__(self, budget: int | None = None) -> None:
        """``budget`` in tokens of thought; ``None``: no limit."""
        self.budget = budget
        self.answer_wanted = False
        self.over = False
        """The thought has ended, is being closed, or never was: too late for either request."""

    def answer_now(self) -> bool:
        """Have the thought closed at its next sentence; whether there still is one to close."""
        if not self.over:
            self.answer_wanted = True
        return not self.over

    def grant(self, budget: int | None) -> bool:
        """Set the budget anew, counted from the thought's beginning; whether it can matter still.

        Takes back a request to answer now.
        """
        if not self.over:
            self.budget, self.answer_wanted = budget, False
        return not self.over


class SentenceEnd:
    """Whether a stream of text stands at the end of a sentence, at a cost per piece."""

    def __init__(self) -> None:
        self._tail = ""

    def feed(self, text: str) -> None:
        """Take the next piece of text in."""
        if text:
            self._tail = (self._tail + text)[-16:]

    @property
    def line_ended(self) -> bool:
        """After a line break."""
        return self._tail.endswith("\n")

    @property
    def reached(self) -> bool:
        """After a line break, or a full stop that is no part of a number."""
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
    """Says when a thought has to be closed: the moment after each token of it."""

    def __init__(self, control: ThoughtControl) -> None:
        self._control = control
        self._sentence = SentenceEnd()
        self._tokens = 0
        self._wanted_at = 0  # tokens when the answer was first seen to be wanted
        self._was_wanted = False

    def feed(self, text: str) -> None:
        """Take in the next token of the thought, with the text that it completes."""
        self._tokens += 1
        self._sentence.feed(text)

    def due(self) -> Literal["budget", "requested"] | None:
        """Why the thought is to be closed here, if it is."""
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
        """The text that ends the thought here: the sentence in a paragraph of its own.

        It is left out where nothing has been thought.
        """
        if not sentence or self._tokens == 0:
            return "\n"
        return ("\n" if self._sentence.line_ended else "\n\n") + sentence + "\n"

    def _may_close(self, beyond: int, grace: int) -> bool:
        return self._tokens == 0 or beyond >= grace or self._sentence.reached
