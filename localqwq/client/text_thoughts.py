"""Thoughts in the text of servers that leave the tags there; pure."""

import re
from collections.abc import Iterator

from localqwq.reasoning.events import Answer, Thought
from localqwq.reasoning.parser import Parser, Tags
from localqwq.reasoning.tags import Tag

_TAGS = (Tag.THINK_OPEN, Tag.THINK_CLOSE)
_NEVER_A_TOKEN = -1
_OPENING = re.compile(r"\bqwq\b|deepseek-r1|r1-distill", re.IGNORECASE)


def probably_opens(model: str | None) -> bool:
    """Whether the model's template opens the thought, so that `<think>` is not in its answers.

    That of QwQ and of DeepSeek-R1 does, by their usual names.
    """
    return bool(_OPENING.search(model or ""))


class TextThoughts:
    """Tells the thought from the answer in a stream of text that may be cut anywhere.

    Tags that are quoted are text, see :class:`localqwq.reasoning.tags.TagFinder`.
    """

    def __init__(self, opened: bool, *, sure: bool = False) -> None:
        """`opened`: the text begins within the thought. Unless that is `sure`, a text without any
        closing tag was an answer all along."""
        self._parser = Parser(Tags(), opened, _TAGS)
        self._assumed = opened and not sure
        self._told: list[str] = []  # of a thought that is only assumed
        self.opened: bool | None = None
        """Whether the text did begin within the thought; None as long as that is not known."""

    def feed(self, text: str, tokens: int = 1) -> Iterator[Thought | Answer]:
        """The events that are sure with the next piece of text."""
        yield from self._events(text, tokens)

    def finish(self, whole: bool) -> Iterator[Thought | Answer]:
        """What was held back. `whole`: the model ended by itself, so there must be an answer."""
        yield from self._events(None, 0)
        if self._assumed and self.opened is None and whole and self._told:
            self.opened = False
            yield Answer("".join(self._told), 0)

    def _events(self, text: str | None, tokens: int) -> Iterator[Thought | Answer]:
        thinking = self._parser.thinking
        pieces = self._parser.flush() if text is None else self._parser.feed(_NEVER_A_TOKEN, text)
        for piece in pieces:
            if not isinstance(piece, Thought | Answer) or not piece.text:
                continue
            if isinstance(piece, Thought) and self._assumed:
                self._told.append(piece.text)
            if isinstance(piece, Answer) and piece.text.strip() == Tag.THINK_CLOSE.value:
                self.opened = True  # too late for this answer, but not for the next one
            yield type(piece)(piece.text, tokens)
            tokens = 0
        if thinking and not self._parser.thinking and self.opened is None:
            self.opened = True
