"""Stop strings, which end the answer and are not shown; a pure state machine."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from localqwq.reasoning.events import Answer, Thought, ToolCallPart
from localqwq.reasoning.parser import Piece


class StopFinder:
    """Finds the first of several stop strings in a stream of text cut anywhere."""

    def __init__(self, stops: Sequence[str]) -> None:
        """Set up; ``stops`` must not contain empty strings."""
        self._stops = tuple(stops)
        self._longest = max(map(len, self._stops), default=0)
        self._held = ""
        self.string: str | None = None
        """The stop string that was found, after which nothing more is returned."""

    @property
    def found(self) -> bool:
        """Whether a stop string was found."""
        return self.string is not None

    def feed(self, text: str) -> str:
        """Return the text that certainly precedes any stop string."""
        if self.found:
            return ""
        text = self._held + text
        places = [(at, stop) for stop in self._stops if (at := text.find(stop)) >= 0]
        if places:
            # Of several at the same place, the longest is what was written.
            at, self.string = min(places, key=lambda place: (place[0], -len(place[1])))
            self._held = ""
            return text[:at]
        kept = len(text) - self._beginning(text)
        self._held = text[kept:]
        return text[:kept]

    def flush(self) -> str:
        """Return text that was held back and turned out not to be a stop string."""
        held, self._held = self._held, ""
        return held

    def _beginning(self, text: str) -> int:
        """Return how many characters at the end of the text may begin a stop string."""
        for at in range(max(0, len(text) - self._longest + 1), len(text)):
            if any(stop.startswith(text[at:]) for stop in self._stops):
                return len(text) - at
        return 0


class AnswerStops:
    """Applies stop strings to the answer's events, but not to thoughts and tool calls.

    A line break or a word that is to end the answer must not end the thought about it.
    """

    def __init__(self, stops: Sequence[str]) -> None:
        self._finder = StopFinder(stops)

    @property
    def found(self) -> bool:
        """Whether the answer has ended."""
        return self._finder.found

    @property
    def string(self) -> str | None:
        """The stop string that ended the answer, if one did."""
        return self._finder.string

    def filter(self, pieces: Iterable[Piece]) -> Iterator[Piece]:
        """Yield the events without text that is held back or follows a stop string.

        Each token is counted in the event that carried it, with or without its text.
        """
        for piece in pieces:
            if isinstance(piece, Answer):
                yield replace(piece, text=self._finder.feed(piece.text))
            elif isinstance(piece, Thought):
                yield piece
            elif not self._finder.found:
                if held := self._finder.flush():
                    yield Answer(held, 0)
                yield piece
            elif isinstance(piece, ToolCallPart):
                yield Answer("", piece.tokens)

    def flush(self) -> Iterator[Piece]:
        """Yield what was held back, at the end of the generation."""
        if held := self._finder.flush():
            yield Answer(held, 0)
