"""What an import brought and what it left out, by kind and number."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum

from localqwq.conversations.turns import Turn


class Kind(Enum):
    """What can be counted: its name for one, and for several."""

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
    UNREACHED = "message that nothing leads to", "messages that nothing leads to"
    EMPTY = "conversation without a word", "conversations without a word"
    TWICE = "conversation that is there twice", "conversations that are there twice"
    OTHER = "entry that is not a conversation", "entries that are not conversations"


@dataclass(slots=True)
class Tally:
    """Counts while a file is read."""

    found: Counter[Kind] = field(default_factory=Counter)
    """What came along inside of turns, where it cannot be counted any more."""
    left_out: Counter[Kind] = field(default_factory=Counter)
    problems: dict[str, str] = field(default_factory=dict)
    """The names of parts that could not be read, each with the reason, such as `is damaged`."""

    def leave(self, kind: Kind, count: int = 1) -> None:
        """Count what is left out."""
        if count:
            self.left_out[kind] += count

    def add_turns(self, turns: Iterable[Turn]) -> None:
        """Count a conversation that came in."""
        self.found[Kind.CONVERSATION] += 1
        for turn in turns:
            self.found[Kind.PROMPT if turn.role == "user" else Kind.ANSWER] += 1
            self.found[Kind.THOUGHT] += bool(turn.thought)
            self.found[Kind.ATTACHMENT] += len(turn.attachments)

    def came_in(self) -> str:
        """Return what came in, as `2 conversations imported: 3 prompts, 4 answers`."""
        inside = [kind for kind in Kind if kind is not Kind.CONVERSATION]
        total = _counted(Kind.CONVERSATION, self.found[Kind.CONVERSATION])
        parts = [_counted(kind, self.found[kind]) for kind in inside if self.found[kind]]
        return f"{total} imported" + (f": {', '.join(parts)}" if parts else "")

    def stayed_out(self) -> str:
        """Return what was left out, as `left out: 2 pictures`; empty where nothing was."""
        parts = [_counted(kind, self.left_out[kind]) for kind in Kind if self.left_out[kind]]
        parts += [f"{name}, which {problem}" for name, problem in self.problems.items()]
        return f"left out: {', '.join(parts)}" if parts else ""

    def as_json(self) -> dict[str, object]:
        """Return the counts under the names of the kinds, and the problems."""
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
