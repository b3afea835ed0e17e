"""The tags that divide a generation, and finding those that are text; a pure state machine."""

import re
from collections.abc import Collection, Iterator
from enum import Enum

_QUOTES = frozenset("`'\"‘“«")
_FENCE = re.compile(r"[ \t]*```[^`\n]*")
_LINE = 200
"""Characters of a line that are looked at: no code fence is longer."""


class Tag(Enum):
    """A tag, with its text."""

    THINK_OPEN = "<think>"
    THINK_CLOSE = "</think>"
    CALL_OPEN = "<tool_call>"
    CALL_CLOSE = "</tool_call>"


class TagFinder:
    """Finds tags in a stream of text that may be cut anywhere.

    For vocabularies that have no token for them. What may become a tag is held back until it is
    sure. Tags that are quoted are text: those right after a quotation mark or a backtick, and
    those within a fenced block of code.
    """

    def __init__(self, tags: Collection[Tag]) -> None:
        self._tags = {tag.value: tag for tag in tags}
        self._pattern = re.compile("|".join(map(re.escape, self._tags)) or r"(?!)")
        self._held = ""
        self._line = ""  # the present line, as far as it could open a code fence
        self._last = ""  # the last character that was handed on
        self._fenced = False
        self._sure = False  # the next tag is no quotation

    def feed(self, text: str) -> Iterator[str | Tag]:
        """The text and the tags that are sure now, in order."""
        text, self._held = self._held + text, ""
        start = 0
        for match in self._pattern.finditer(text):
            yield from self._plain(text[start : match.start()])
            if self._is_quoted():
                yield from self._plain(match[0])
            else:
                self.forget()
                yield self._tags[match[0]]
            start = match.end()
        kept = len(text) - self._beginning(text, start)
        self._held = text[kept:]
        yield from self._plain(text[start:kept])

    @property
    def held(self) -> str:
        """What may become a tag."""
        return self._held

    def flush(self) -> str:
        """What is still held back when the stream ends."""
        held, self._held = self._held, ""
        return held

    def skip(self, text: str) -> None:
        """Take in text that came before the stream: it may have opened a code fence."""
        for _ in self._plain(text):
            pass

    def forget(self) -> None:
        """Begin anew: what came so far is no quotation of what follows."""
        self._line = self._last = ""
        self._sure = self._fenced = False

    def leave_quotes(self) -> None:
        """Take the next tag as one, wherever it stands: it is known not to be a quotation."""
        self._sure = True

    def _is_quoted(self) -> bool:
        if self._sure:
            return False
        return self._last in _QUOTES or self._fenced or bool(_FENCE.fullmatch(self._line))

    def _beginning(self, text: str, start: int) -> int:
        """How many characters at the end of the text may be the beginning of a tag."""
        at = text.rfind("<", start)
        rest = text[at:] if at >= 0 else ""
        return len(rest) if rest and any(tag.startswith(rest) for tag in self._tags) else 0

    def _plain(self, text: str) -> Iterator[str]:
        if not text:
            return
        self._last = text[-1]
        *ended, rest = text.split("\n")
        for piece in ended:
            if _FENCE.fullmatch((self._line + piece)[:_LINE]):
                self._fenced = not self._fenced
            self._line = ""
        self._line = (self._line + rest)[:_LINE]
        yield text
