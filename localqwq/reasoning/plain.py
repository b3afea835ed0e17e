"""Text passed on unchanged: a raw completion, without a chat template."""

from typing import TypeAlias

from localqwq.reasoning.events import Answer
from localqwq.reasoning.parser import Parser, Piece, Place


class PlainText:
    """A stand-in for ``Parser`` that knows no tags: everything is answer."""

    reasoning_tokens = 0
    thinking = False
    may_think = False
    place: Place = "answer"
    blank = True
    held = ""
    body = ""
    lists_calls = False

    def __init__(self) -> None:
        """Begin with no tokens."""
        self.completion_tokens = 0

    def feed(self, token: int, text: str) -> list[Piece]:
        """Return the text of the next token; ``text`` is empty inside a character."""
        self.completion_tokens += 1
        return [Answer(text)]

    def expect_close(self) -> None:
        """Do nothing: there is no tag to expect."""

    def expect_text(self) -> None:
        """Do nothing: everything is text."""

    def flush(self, *, ended: bool = True) -> list[Piece]:
        """Return nothing, since nothing is held back."""
        return []


TokenParser: TypeAlias = Parser | PlainText
"""Sorts the tokens of a generation."""
