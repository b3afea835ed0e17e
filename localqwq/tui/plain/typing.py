"""What typed lines mean: commands, and prompts of one line or several."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from localqwq.tui.completing import call

QUOTES = '"""'
"""Begins a prompt of several lines, and ends it."""


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
    """Takes lines as they come, those together that came together.

    A terminal that only prints does not say what is pasted. Lines that come at once are, so they
    make one prompt, save commands among them.
    """

    def __init__(self, known: Collection[str]) -> None:
        """`known`: what is a command behind a slash; other slashes are words."""
        self._known = known
        self._quoted: list[str] | None = None

    @property
    def is_quoted(self) -> bool:
        """Whether a prompt of several lines has begun and not ended."""
        return self._quoted is not None

    def take(self, lines: Iterable[str]) -> list[Call | Words]:
        """What lines mean that came together."""
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
        """Forgets a prompt of several lines that has not ended."""
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
        """The command in a line; one that is not known is a mistake only where it is alone."""
        called = call(line)
        return Call(*called) if called and (alone or called[0] in self._known) else None


def _prompt(lines: list[str]) -> list[Words]:
    text = "\n".join(lines).strip()
    return [Words(text, text.count("\n") + 1)] if text else []
