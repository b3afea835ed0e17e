"""Watching a generation token by token: when to close the thought, and when the answer loops."""

from localqwq.reasoning.budget import ThoughtControl, ThoughtLimit
from localqwq.reasoning.events import ThoughtEnd
from localqwq.reasoning.loops import IN_ANSWER, IN_THOUGHT, LoopDetector


class Watch:
    """Budget, requests and loops of one generation."""

    def __init__(self, control: ThoughtControl, *, thinking: bool, detect_loops: bool) -> None:
        """Set up; ``thinking``: whether the generation begins inside a thought."""
        self.closed_by: ThoughtEnd | None = None
        """Why the thought was closed, after :meth:`close_thought` returned True."""
        self._control = control
        self._limit = ThoughtLimit(control)
        self._thinking = thinking
        self._detect_loops = detect_loops
        self._loops = self._detector()
        self._looping = False

    def feed(self, token: int, text: str, *, thinking: bool) -> None:
        """Add the next token; ``thinking``: whether the one after it belongs to the thought."""
        if self._thinking:
            self._limit.feed(text)
        if thinking != self._thinking:
            self._thinking = thinking
            self._looping = False
            self._loops = self._detector()
        elif self._loops is not None and self._loops.feed(token, text):
            self._looping = True

    def close_thought(self) -> bool:
        """Return whether the thought has to be closed before the next token; true only once."""
        if not self._thinking or self.closed_by is not None:
            return False
        self.closed_by = "loop" if self._looping else self._limit.due()
        if self.closed_by is None:
            return False
        self._control.over = True
        return True

    @property
    def answer_loops(self) -> bool:
        """Return whether the answer repeats itself endlessly."""
        return self._looping and not self._thinking

    def handover(self, sentence: str) -> str:
        """Return the text that ends the thought here."""
        return self._limit.handover(sentence)

    def _detector(self) -> LoopDetector | None:
        if not self._detect_loops:
            return None
        return LoopDetector(IN_THOUGHT if self._thinking else IN_ANSWER)
