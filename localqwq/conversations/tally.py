"""Counts of what an import brought and what it left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum

from localqwq.conversations.turns import Turn


class Kind(Enum):
    """The kinds of things counted, in singular and plural."""

    CONVERSATION = "conversation", "conversations"
    PROMPT = "prompt", "prompts"
    ANSWER = "answer", "answers"
    THOUGHT = "thought", "thoughts"
    CALL = "tool call", "tool calls"
    DOCUMENT = "document", "documents"
    ATTACHMENT = "attachment", "attachments"

    PICTURE = "picture", "pictures"
    RECORDING = "voice recording", "voice recordings"
    FILE = "file that is not in the export", "files that are not in the export"
    HIDDEN = "hidden message", "hidden messages"
    UNKNOWN = "message of an unknown kind", "messages of unknown kinds"
    UNREACHED = "message outside every branch", "messages outside every branch"
    EMPTY = "empty conversation", "empty conversations"
    TWICE = "duplicate conversation", "duplicate conversations"
    OTHER = "entry that is not a conversation", "entries that are not conversations"


@dataclass(slots=True)
class Tally:
    """Counts kept while a file is read."""

    found: Counter[Kind] = field(default_factory=Counter)
    """Things counted inside turns, where they can no longer be recognized."""
    left_out: Counter[Kind] = field(default_factory=Counter)
    problems: dict[str, str] = field(default_factory=dict)
    """The names of parts that could not be read, each with the reason, such as ``is damaged``."""

    def leave(self, kind: Kind, count: int = 1) -> None:
        """Count what is left out."""
        if count:
            self.left_out[kind] += count

    def add_turns(self, turns: Iterable[Turn]) -> None:
        """Count a conversation that was imported."""
        self.found[Kind.CONVERSATION] += 1
        for turn in turns:
            self.found[Kind.PROMPT if turn.role == "user" else Kind.ANSWER] += 1
            self.found[Kind.THOUGHT] += bool(turn.thought)
            self.found[Kind.ATTACHMENT] += len(turn.attachments)

    def came_in(self) -> str:
        """Return what was imported, as ``2 conversations imported: 3 prompts, 4 answers``."""
        inside = [kind for kind in Kind if kind is not Kind.CONVERSATION]
        total = _counted(Kind.CONVERSATION, self.found[Kind.CONVERSATION])
        parts = [_counted(kind, self.found[kind]) for kind in inside if self.found[kind]]
        return f"{total} imported" + (f": {', '.join(parts)}" if parts else "")

    def stayed_out(self) -> str:
        """Return what was left out, as ``left out: 2 pictures``; empty if nothing was."""
        parts = [_counted(kind, self.left_out[kind]) for kind in Kind if self.left_out[kind]]
        parts += [f"{name}, which {problem}" for name, problem in self.problems.items()]
        return f"left out: {', '.join(parts)}" if parts else ""

    def as_json(self) -> dict[str, object]:
        """Return the counts by kind, and the problems."""
        return {
            "imported": {kind.name.lower(): self.found[kind] for kind in Kind if self.found[kind]},
            "left_out": {
                kind.name.lower(): self.left_out[kind] for kind in Kind if self.left_out[kind]
            },
            "problems": dict(self.problems),
        }


def _counted(kind: Kind, count: int) -> str:
    one, several = kind.value
    return f"{count:,} {one if count == 1 else several}"
