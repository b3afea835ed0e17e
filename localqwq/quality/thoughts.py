"""The file of a model's own conversations, one in each line as token ids."""

import contextlib
import json
from pathlib import Path

from localqwq.line_file import LineFile


class Thoughts:
    """The conversations that a file has so far, up to a line that is damaged."""

    def __init__(self, path: Path) -> None:
        """Read the file, if there is one.

        Raises:
            LocalqwqError: it cannot be read.
        """
        self._file = LineFile(path)
        self.conversations: list[list[int]] = []
        for line in self._file.lines:
            tokens = _tokens(line)
            if tokens is None:
                break
            self.conversations.append(tokens)
        self._file.keep(len(self.conversations))

    def total(self, count: int) -> int:
        """Return the tokens of the first ``count`` conversations."""
        return sum(map(len, self.conversations[:count]))

    def first(self, count: int, tokens: int) -> list[int]:
        """Return the tokens of the first ``count`` conversations, at most ``tokens``."""
        return [token for chat in self.conversations[:count] for token in chat][:tokens]

    def add(self, tokens: list[int]) -> None:
        """Append a conversation.

        Raises:
            LocalqwqError: the file cannot be written.
        """
        self._file.add(json.dumps(tokens).encode())
        self.conversations.append(tokens)


def _tokens(line: bytes) -> list[int] | None:
    """Return the tokens in a line; None if it is damaged."""
    with contextlib.suppress(ValueError, RecursionError):
        found = json.loads(line)
        if isinstance(found, list) and all(type(token) is int for token in found):
            return found
    return None
