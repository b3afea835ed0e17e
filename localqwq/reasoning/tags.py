"""The tags that divide a generation, and finding them in text; a pure state machine."""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from enum import Enum, auto

_PARTNERS = {"`": "`", "'": "'", '"': '"', "‘": "’", "“": "”", "«": "»"}
"""Quotation marks, with those that end the quotation."""
_FENCE = re.compile(r"[ \t>]*(?:(?:[-*+]|\d+[.)])[ \t]+)?(`{3,}(?=[^`]*$)|~{3,})(.*)", re.DOTALL)
_BARE_FENCE = re.compile(r"^[ \t>]*(?:`{3,}|~{3,})[ \t\r]*$", re.MULTILINE)
_BLANK_LINE = re.compile(r"[ \t]*\r?\n[ \t]*\r?\n")
_MAYBE_BLANK_LINE = re.compile(r"[ \t]*\r?(?:\n[ \t]*\r?)?")
_LINE = 200
"""Characters of a line that are examined: no code fence is longer."""
_BLANKS = 8
"""Maximum blanks before a tag's closing bracket."""


class Tag(Enum):
    """A tag, with its text."""

    THINK_OPEN = "<think>"
    THINK_CLOSE = "</think>"
    CALL_OPEN = "<tool_call>"
    CALL_CLOSE = "</tool_call>"
    CALLS_OPEN = "<｜tool▁calls▁begin｜>"
    CALLS_CLOSE = "<｜tool▁calls▁end｜>"


THOUGHT_TAGS = frozenset({Tag.THINK_OPEN, Tag.THINK_CLOSE})
CALL_TAGS = frozenset({Tag.CALL_OPEN, Tag.CALL_CLOSE})
LISTED_CALL_TAGS = frozenset({Tag.CALLS_OPEN, Tag.CALLS_CLOSE})
"""Tags around all calls of a turn, as written by DeepSeek's R1."""
_DECIDING = frozenset({Tag.THINK_CLOSE, Tag.CALL_OPEN, Tag.CALLS_OPEN})
"""Tags that decide about an earlier ``</think>``: the thought ended later, or before the call."""


@dataclass(frozen=True, slots=True)
class FoundTag:
    """A tag in a text."""

    tag: Tag
    text: str
    """As written: possibly in capitals, or with blanks before the closing bracket."""


class Closing(Enum):
    """How to treat a ``</think>`` that looks quoted."""

    TEXT = auto()
    """As text: no thought is open."""
    PEEKED = auto()
    """As the tag if a blank line follows, else as text."""
    AWAITED = auto()
    """As the tag if a blank line follows; otherwise it is held back, with what follows, until
    another tag or the end of the stream decides.
    """


@dataclass(frozen=True, slots=True)
class _Doubtful:
    """A closing tag that may be a quotation."""

    found: FoundTag
    partner: str
    """The quotation mark that would end the quotation; empty in a code block."""


class TagFinder:
    """Finds tags in a stream of text cut anywhere.

    For vocabularies without tokens for them. Text that may become a tag is held back until it is
    certain. Tags right after an opening quotation mark, and those in a fenced code block, look
    quoted. They are text, except a ``</think>`` that is due (:attr:`closing`): a thought is closed
    by its tag far more often than it quotes it, and not every code block is ended.
    """

    def __init__(self, tags: Collection[Tag], closing: Closing = Closing.TEXT) -> None:
        self.closing = closing
        self._tags = {tag.value: tag for tag in tags}
        names = "|".join(re.escape(tag.value[:-1]) for tag in tags)
        pattern = rf"(?:{names})[ \t]{{0,{_BLANKS}}}>" if names else r"(?!)"
        self._pattern = re.compile(pattern, re.IGNORECASE)
        self._held = ""  # it may become a tag
        self._quotes = _Quotes()
        self._doubts: list[str | _Doubtful] = []  # the first doubtful tag, and what follows it
        self._after: str | None = None  # what follows the last one, as long as that may decide
        self._sure = False  # the next tag is not a quotation

    def feed(self, text: str) -> Iterator[str | FoundTag]:
        """Yield the text and the tags that are certain now, in order."""
        text, self._held = self._held + text, ""
        start = 0
        for match in self._pattern.finditer(text):
            yield from self._plain(text[start : match.start()])
            yield from self._tag(match[0])
            start = match.end()
        kept = len(text) - self._beginning(text, start)
        self._held = text[kept:]
        yield from self._plain(text[start:kept])

    @property
    def held(self) -> str:
        """The text that may become a tag."""
        return self._held

    def flush(self, *, ended: bool = True) -> Iterator[str | FoundTag]:
        """Yield what is still held back when the stream ends.

        ``ended``: whether the model ended it, so that its thought must have been closed.
        """
        held, self._held = self._held, ""
        yield from self._plain(held)
        awaited = self.closing is Closing.AWAITED
        yield from self._decided(self._likeliest(if_enclosed=ended) if awaited else None)

    def skip(self, text: str) -> None:
        """Add text that came before the stream: it may have opened a code fence."""
        self._quotes.add(text)

    def forget(self) -> None:
        """Start again: the text so far does not quote what follows."""
        self._quotes = _Quotes()
        self._sure = False

    def leave_quotes(self) -> None:
        """Treat the next tag as one, wherever it is: it is known not to be a quotation."""
        self._sure = True

    def _beginning(self, text: str, start: int) -> int:
        """Return how many characters at the end of the text may begin a tag."""
        at = text.rfind("<", start)
        rest = text[at:].lower() if at >= 0 else ""
        name = rest.rstrip(" \t")
        if not rest or len(rest) - len(name) > _BLANKS:
            return 0
        may_end = any(tag[:-1] == name for tag in self._tags)
        return len(rest) if may_end or any(tag.startswith(rest) for tag in self._tags) else 0

    def _tag(self, text: str) -> Iterator[str | FoundTag]:
        found = FoundTag(self._tags[re.sub(r"[ \t]", "", text).lower()], text)
        partner = None if self._sure else self._quotes.partner
        if partner is None and (not self._doubts or found.tag in _DECIDING):
            closed = found.tag is not Tag.THINK_CLOSE
            yield from self._decided(self._likeliest() if closed else None)
            self.forget()
            yield found
        elif found.tag is Tag.THINK_CLOSE and self.closing is not Closing.TEXT:
            assert partner is not None
            if self.closing is Closing.PEEKED:
                yield from self._decided(None)
            self._quotes.add(text)
            self._doubts.append(_Doubtful(found, partner))
            self._after = ""
        else:
            yield from self._plain(text)

    def _plain(self, text: str) -> Iterator[str | FoundTag]:
        if not text:
            return
        self._quotes.add(text)
        if not self._doubts:
            yield text
            return
        self._doubts.append(text)
        if self._after is None:
            return
        self._after += text
        if _BLANK_LINE.match(self._after):
            yield from self._decided(self._doubtful()[-1])
        elif not _MAYBE_BLANK_LINE.fullmatch(self._after):
            self._after = None
            if self.closing is not Closing.AWAITED:
                yield from self._decided(None)

    def _doubtful(self) -> list[int]:
        """Return the positions of the doubtful tags."""
        return [at for at, part in enumerate(self._doubts) if isinstance(part, _Doubtful)]

    def _likeliest(self, *, if_enclosed: bool = False) -> int | None:
        """Return the position of the doubtful tag that most likely ended the thought, if one did.

        That is the first one whose quotation is not ended after it. With ``if_enclosed``: else the
        last.
        """
        text = "".join(map(_text, self._doubts))
        last_fence = max((match.start() for match in _BARE_FENCE.finditer(text)), default=-1)
        end = 0
        for at, part in enumerate(self._doubts):
            end += len(_text(part))
            if isinstance(part, _Doubtful):
                enclosed = text.startswith(part.partner, end) if part.partner else last_fence >= end
                if not enclosed:
                    return at
        return next(reversed(self._doubtful()), None) if if_enclosed else None

    def _decided(self, at: int | None) -> Iterator[str | FoundTag]:
        """Yield the text, treating this one of the doubtful tags as the tag."""
        doubts, self._doubts, self._after = self._doubts, [], None
        if before := "".join(map(_text, doubts[:at])):
            yield before
        if at is not None and isinstance(tag := doubts[at], _Doubtful):
            self.forget()
            yield tag.found
            yield from self._plain("".join(map(_text, doubts[at + 1 :])))


class _Quotes:
    """Whether the next character in a Markdown text would be quoted."""

    def __init__(self) -> None:
        self._line = ""  # the current line, as far as it could be a code fence
        self._counts: dict[str, int] = {}  # quotation marks on the current line
        self._last = ""
        self._fence = ""  # that of the open block of code

    def add(self, text: str) -> None:
        """Add the next piece of the text."""
        *ended, rest = text.split("\n")
        for piece in ended:
            self._extend(piece)
            self._end_line()
        self._extend(rest)

    @property
    def partner(self) -> str | None:
        """Return what would end the quotation; empty in a code block, None outside quotations."""
        if self._fence or _opened(self._line):
            return ""
        mark = self._last
        if mark not in _PARTNERS:
            return None
        is_open = _PARTNERS[mark] != mark or self._counts.get(mark, 0) % 2 == 1
        return _PARTNERS[mark] if is_open else None

    def _extend(self, piece: str) -> None:
        if not piece:
            return
        for mark in "`\"'":
            self._counts[mark] = self._counts.get(mark, 0) + _marks(mark, piece, self._last)
        self._line = (self._line + piece)[:_LINE]
        self._last = piece[-1]

    def _end_line(self) -> None:
        if fence := _opened(self._line):
            marker, rest = fence
            if not self._fence:
                self._fence = marker
            elif marker.startswith(self._fence) and not rest.strip():
                self._fence = ""
        self._line = self._last = ""
        self._counts.clear()


def _opened(line: str) -> tuple[str, str] | None:
    """Return the fence at the beginning of a line, and what follows it."""
    match = _FENCE.fullmatch(line)
    return (match[1], match[2]) if match else None


def _marks(mark: str, piece: str, before: str) -> int:
    """Return the number of quotation marks in a piece that follows ``before``.

    A run of backticks counts as one; an apostrophe inside or after a word does not count.
    """
    if mark == '"':
        return piece.count(mark)
    text = before + piece
    places = range(len(before), len(text))
    marks = (at for at in places if text[at] == mark)
    if mark == "`":
        return sum(1 for at in marks if not at or text[at - 1] != mark)
    return sum(1 for at in marks if not at or not text[at - 1].isalnum())


def _text(part: str | _Doubtful) -> str:
    return part if isinstance(part, str) else part.found.text
