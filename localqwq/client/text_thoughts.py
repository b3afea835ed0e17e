"""Thoughts in the text of servers that leave the tags there; pure."""

import re
from collections.abc import Iterator

from localqwq.reasoning.events import Answer, Reclassified, Thought
from localqwq.reasoning.parser import Parser, Tags
from localqwq.reasoning.tags import Tag

TextEvent = Thought | Answer | Reclassified
_TAGS = (Tag.THINK_OPEN, Tag.THINK_CLOSE)
_NEVER_A_TOKEN = -1
_OPENING = re.compile(
    r"(?<![a-z])qwq(?![a-z])|deepseek-?_?r1|r1-distill|r1-0528|qwen3.*thinking|glm-?z1",
    re.IGNORECASE,
)


def probably_opens(model: str | None) -> bool:
    """Return whether the model's name suggests that its template opens the thought.

    Only a first guess: what the answers show takes precedence.
    """
    return bool(_OPENING.search(model or ""))


class TextThoughts:
    """Separates the thought from the answer in a stream of text cut anywhere.

    Quoted tags are text, see :class:`localqwq.reasoning.tags.TagFinder`. If it turns out only later
    what the text was, a ``Reclassified`` event says so.
    """

    def __init__(self, opened: bool, *, sure: bool = False) -> None:
        """Set up; ``opened``: the text begins inside the thought.

        Unless that is ``sure``, a text without a closing tag was an answer all along, and one with
        only a closing tag began with a thought.
        """
        self._parser = Parser(Tags(), opened, _TAGS, may_be_opened=not (opened or sure))
        self._assumed = opened and not sure
        self._sure = sure
        self._told = False
        self.opened: bool | None = None
        """Whether the text began inside the thought; None while unknown."""

    @property
    def certain(self) -> bool:
        """Whether an answer reported now will stay one."""
        return self._sure or self.opened is not None

    def feed(self, text: str, tokens: int = 1) -> Iterator[TextEvent]:
        """Yield the events that are certain after the next piece of text."""
        yield from self._events(text, tokens)

    def finish(self, whole: bool) -> Iterator[TextEvent]:
        """Yield what was held back. ``whole``: the model ended by itself, so there must be an
        answer.
        """
        yield from self._events(None, 0, whole=whole)
        if self.opened is None and whole and self._told:
            self.opened = False
            if self._assumed:
                yield Reclassified("answer")

    def _events(self, text: str | None, tokens: int, *, whole: bool = True) -> Iterator[TextEvent]:
        if text is None:
            pieces = self._parser.flush(ended=whole)
        else:
            pieces = self._parser.feed(_NEVER_A_TOKEN, text)
        for piece in pieces:
            if isinstance(piece, Reclassified):
                self.opened = True
                yield piece
            elif isinstance(piece, Thought | Answer):
                if isinstance(piece, Thought) and not self._assumed and self.opened is None:
                    self.opened = False  # its tag was there
                if isinstance(piece, Answer) and self._assumed and self.opened is None:
                    self.opened = True
                if piece.text:
                    self._told = True
                    yield type(piece)(piece.text, tokens)
                    tokens = 0
        if self._assumed and self.opened is None and not self._parser.thinking:
            self.opened = True
