"""What typed lines mean: commands, and prompts of one line or several."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from localqwq.tui.completing import call

QUOTES = '"""'
"""Starts and ends a prompt of several lines."""


@dataclass(frozen=True, slots=True)
class Call:
    """A command."""

    command: str
    argument: str = ""


@dataclass(frozen=True, slots=True)
class Words:
    """A prompt."""

    text: str
    lines: int = 1


class Typing:
    """Interprets lines as they arrive, grouped if they arrived together.

    A terminal that only prints does not mark pastes. Lines that arrive together are a paste, so
    they form one prompt, except for commands among them.
    """

    def __init__(self, known: Collection[str]) -> None:
        """Set up; ``known``: command names; a slash before anything else is text."""
        self._known = known
        self._quoted: list[str] | None = None

    @property
    def is_quoted(self) -> bool:
        """Whether a prompt of several lines has begun and not ended."""
        return self._quoted is not None

    def take(self, lines: Iterable[str]) -> list[Call | Words]:
        """Return the meaning of lines that arrived together."""
        found: list[Call | Words] = []
        words: list[str] = []
        lines = list(lines)
        for line in lines:
            if self._quoted is not None or line.lstrip().startswith(QUOTES):
                found += _prompt(words)
                words = []
                found += self._quote(line)
            elif (called := self._called(line, alone=len(lines) == 1)) is not None:
                found += [*_prompt(words), called]
                words = []
            else:
                words.append(line)
        return [*found, *_prompt(words)]

    def unquote(self) -> None:
        """Discard an unfinished prompt of several lines."""
        self._quoted = None

    def _quote(self, line: str) -> Iterator[Words]:
        if self._quoted is None:
            self._quoted = []
            line = line.lstrip().removeprefix(QUOTES)
        if not line.rstrip().endswith(QUOTES):
            self._quoted.append(line)
            return
        self._quoted.append(line.rstrip().removesuffix(QUOTES))
        quoted, self._quoted = self._quoted, None
        yield from _prompt(quoted)

    def _called(self, line: str, *, alone: bool) -> Call | None:
        """Return the command in a line; an unknown one is a mistake only if it is alone."""
        called = call(line)
        return Call(*called) if called and (alone or called[0] in self._known) else None


def _prompt(lines: list[str]) -> list[Words]:
    text = "\n".join(lines).strip()
    return [Words(text, text.count("\n") + 1)] if text else []
