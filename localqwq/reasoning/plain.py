"""Generated text as it is: for prompts that are no conversation."""

from localqwq.reasoning.events import Answer
from localqwq.reasoning.parser import Parser, Piece, Tags


class PlainText(Parser):
    """A parser that knows no tags and leaves nothing out; all of the text is answer."""

    def __init__(self) -> None:
        """Nothing was generated yet."""
        super().__init__(Tags(), in_thought=False)

    @property
    def may_think(self) -> bool:
        """Never."""
        return False

    def feed(self, token: int, text: str) -> list[Piece]:
        """The text of the next token; ``text`` is empty inside a character."""
        self.completion_tokens += 1
        return [Answer(text)]

    def flush(self) -> list[Piece]:
        """Nothing is held back."""
        return []
