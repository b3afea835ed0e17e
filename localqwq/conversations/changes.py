"""Changes of conversations, as values that can be kept and applied to another store.

Each of them refers to conversations and turns by number, and applying it twice is harmless.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from localqwq.conversations.rounds import StoredCall
from localqwq.conversations.store import Store
from localqwq.conversations.turns import Conversation, Draft, Measures, Turn


@dataclass(frozen=True, slots=True)
class Began:
    """A new conversation, without a turn."""

    conversation: int
    title: str
    system: str
    created: float
    kind: Literal["began"] = "began"

    def apply(self, store: Store) -> None:
        """Apply it."""
        new = Conversation(
            self.conversation, self.title, self.system, None, self.created, self.created
        )
        store.take_conversation(new)


@dataclass(frozen=True, slots=True)
class TurnAdded:
    """A prompt, or an answer that begins; it becomes the head of the conversation."""

    conversation: int
    turn: Turn
    kind: Literal["turn"] = "turn"

    def apply(self, store: Store) -> None:
        """Apply it."""
        store.take_turn(self.conversation, self.turn)


@dataclass(frozen=True, slots=True)
class Grew:
    """A piece of an answer."""

    conversation: int
    turn: int
    piece: int
    """Its number in the turn's journal."""
    thought: str
    text: str
    measures: Measures
    kind: Literal["grew"] = "grew"

    def apply(self, store: Store) -> None:
        """Append it to the earlier pieces."""
        store.append(self.turn, self.thought, self.text, self.measures, self.piece)


@dataclass(frozen=True, slots=True)
class RoundEnded:
    """All text so far became a round, which made these calls."""

    conversation: int
    turn: int
    number: int
    calls: tuple[StoredCall, ...]
    kind: Literal["round"] = "round"

    def apply(self, store: Store) -> None:
        """Apply it."""
        store.end_round(self.turn, self.number, self.calls)


@dataclass(frozen=True, slots=True)
class CallEnded:
    """What came of a call."""

    conversation: int
    turn: int
    number: int
    """Of its round."""
    call: StoredCall
    kind: Literal["call"] = "call"

    def apply(self, store: Store) -> None:
        """Apply it."""
        store.end_call(self.turn, self.number, self.call)


@dataclass(frozen=True, slots=True)
class Rewritten:
    """All text so far of a continued answer, replacing its pieces."""

    conversation: int
    turn: int
    thought: str
    text: str
    kind: Literal["rewritten"] = "rewritten"

    def apply(self, store: Store) -> None:
        """Apply it."""
        store.rewrite(self.turn, self.thought, self.text)


@dataclass(frozen=True, slots=True)
class Ended:
    """The end of an answer, with all of its text."""

    conversation: int
    turn: Turn
    kind: Literal["ended"] = "ended"

    def apply(self, store: Store) -> None:
        """Apply it."""
        store.take_end(self.turn)


@dataclass(frozen=True, slots=True)
class Moved:
    """The conversation continues at another turn."""

    conversation: int
    head: int | None
    kind: Literal["moved"] = "moved"

    def apply(self, store: Store) -> None:
        """Apply it."""
        store.move_head(self.conversation, self.head)


@dataclass(frozen=True, slots=True)
class TurnRemoved:
    """A turn and all after it were removed or restored."""

    conversation: int
    turn: int
    removed: bool
    kind: Literal["removed"] = "removed"

    def apply(self, store: Store) -> None:
        """Apply it."""
        if self.removed:
            store.remove_turn(self.turn)
        else:
            store.restore_turn(self.turn)


@dataclass(frozen=True, slots=True)
class DraftKept:
    """An unsent draft, after this change."""

    conversation: int | None
    draft: Draft
    kind: Literal["draft"] = "draft"

    def apply(self, store: Store) -> None:
        """Apply it."""
        store.set_draft(self.conversation, self.draft.text, self.draft.attachments)


@dataclass(frozen=True, slots=True)
class Titled:
    """Another title."""

    conversation: int
    title: str
    kind: Literal["titled"] = "titled"

    def apply(self, store: Store) -> None:
        """Apply it."""
        store.rename(self.conversation, self.title)


@dataclass(frozen=True, slots=True)
class Pinned:
    """Pinned to the top of the list, or unpinned."""

    conversation: int
    pinned: bool
    kind: Literal["pinned"] = "pinned"

    def apply(self, store: Store) -> None:
        """Apply it."""
        store.pin(self.conversation, self.pinned)


@dataclass(frozen=True, slots=True)
class Deleted:
    """Deleted or restored."""

    conversation: int
    deleted: bool
    kind: Literal["deleted"] = "deleted"

    def apply(self, store: Store) -> None:
        """Apply it."""
        if self.deleted:
            store.delete(self.conversation)
        else:
            store.restore(self.conversation)


@dataclass(frozen=True, slots=True)
class SettingsChanged:
    """The conversation's own settings."""

    conversation: int
    settings: Mapping[str, object]
    kind: Literal["settings"] = "settings"

    def apply(self, store: Store) -> None:
        """Apply it."""
        store.set_settings(self.conversation, self.settings)


Change = (
    Began
    | TurnAdded
    | Grew
    | RoundEnded
    | CallEnded
    | Rewritten
    | Ended
    | Moved
    | TurnRemoved
    | DraftKept
    | Titled
    | Pinned
    | Deleted
    | SettingsChanged
)
