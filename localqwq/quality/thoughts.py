"""The file of a model's own conversations, one in each line as token ids."""

import contextlib
import json
from pathlib import Path

from localqwq.errors import FileProblem


class Thoughts:
    """The conversations that a file has so far; a line that was cut off is dropped."""

    def __init__(self, path: Path) -> None:
        """Read the file, if there is one.

        Raises:
            LocalqwqError: it cannot be read.
        """
        self._path = path
        self.conversations: list[list[int]] = []
        try:
            content = path.read_bytes() if path.exists() else b""
        except OSError as error:
            raise FileProblem(path, f"cannot be read: {error.strerror or error}.") from error
        whole = 0
        for line in content.splitlines(keepends=True):
            tokens = _tokens(line)
            if tokens is None:
                break
            self.conversations.append(tokens)
            whole += len(line)
        self._cut = None if whole == len(content) else whole

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
        try:
            with self._path.open("r+b" if self._path.exists() else "w+b") as stream:
                if self._cut is not None:
                    stream.truncate(self._cut)
                    self._cut = None
                stream.seek(0, 2)
                stream.write(json.dumps(tokens).encode() + b"\n")
        except OSError as error:
            raise FileProblem(
                self._path, f"cannot be written: {error.strerror or error}."
            ) from error
        self.conversations.append(tokens)


def _tokens(line: bytes) -> list[int] | None:
    """Return the tokens in a line; None if it is damaged."""
    if not line.endswith(b"\n"):
        return None
    with contextlib.suppress(ValueError, RecursionError):
        found = json.loads(line)
        if isinstance(found, list) and all(type(token) is int for token in found):
            return found
    return None
