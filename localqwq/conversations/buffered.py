"""A store that accepts every change at once and writes it as soon as possible."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Self

from localqwq.conversations.changes import (
    Began,
    CallEnded,
    Change,
    Deleted,
    DraftKept,
    Ended,
    Grew,
    Moved,
    Pinned,
    Rewritten,
    RoundEnded,
    SettingsChanged,
    Titled,
    TurnAdded,
    TurnRemoved,
)
from localqwq.conversations.holding import Holding
from localqwq.conversations.imported import Imported
from localqwq.conversations.merging import merged_hits, merged_summaries
from localqwq.conversations.reading import Summary
from localqwq.conversations.rounds import Round, StoredCall
from localqwq.conversations.search import Hit
from localqwq.conversations.turns import (
    UNSENT_TEMPORARY,
    Attachment,
    Conversation,
    Draft,
    Measures,
    Status,
    Turn,
    title,
)
from localqwq.conversations.unsaved import Unsaved, add
from localqwq.errors import LocalqwqError


class BufferedStore:
    """The conversations of an app, whatever the disk does.

    What cannot be written now is held in memory, invisibly to callers; ``retry`` writes it.
    Temporary conversations are in memory only. A store belongs to the thread that created it.
    """

    def __init__(self, path: Path) -> None:
        """Open or create the file; if that fails, hold everything in memory."""
        self._holding = Holding(path)
        self._temporary = 0
        self._unsent = Draft()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def trouble(self) -> str:
        """Why not everything is on the disk, in one sentence; empty if it is."""
        return self._holding.trouble

    def retry(self) -> None:
        """Try to write pending changes, without waiting for other processes."""
        self._holding.retry()

    def close(self) -> str:
        """Write what is left: to the file, or to another one.

        Returns a sentence about the latter; empty if everything is in the file.
        """
        return self._holding.close()

    # Reading

    @property
    def others(self) -> tuple[int, int] | None:
        """Return something that changes when somebody else writes to the file; None if it is
        unreadable.
        """
        return self._holding.others

    def get(self, conversation: int) -> Conversation:
        """Return a conversation with all of its turns; raises LocalqwqError if it cannot be
        read.
        """
        return self._holding.remember(self._holding.store_of(conversation).get(conversation))

    def last(self) -> Conversation | None:
        """Return the conversation that was last written to; None if there is none."""
        found = self._holding.disk.last() if self._holding.disk else None
        return found and self._holding.remember(found)

    def is_new_one_newer(self) -> bool:
        """Return whether the draft for a new conversation is newer than all conversations."""
        return self._holding.disk is not None and self._holding.disk.is_new_one_newer()

    def draft(self, conversation: int | None) -> Draft:
        """Return the unsent draft of a conversation; None means a new conversation."""
        if conversation == UNSENT_TEMPORARY:
            return self._unsent
        return self._holding.store_of(conversation).draft(conversation)

    def newest(self, limit: int = 50, offset: int = 0) -> list[Summary]:
        """Return pinned conversations, then the others, each the most recently written first."""
        disk, inside = self._holding.disk, self._holding.inside
        if disk is not None and not inside:
            return disk.newest(limit, offset)
        many = limit + offset + len(inside)
        stored = disk.newest(many) if disk else []
        merged = merged_summaries(stored, self._holding.memory.newest(many), inside)
        return merged[offset : offset + limit]

    def search(self, text: str, limit: int = 50) -> list[Hit]:
        """Return where all words of ``text`` begin a word, ignoring case and accents."""
        disk, inside = self._holding.disk, self._holding.inside
        stored = disk.search(text, limit) if disk else []
        if not inside:
            return stored
        return merged_hits(stored, self._holding.memory.search(text, limit), inside)[:limit]

    # Turns

    def create(
        self,
        prompt: str,
        system: str = "",
        attachments: Sequence[Attachment] = (),
        *,
        temporary: bool = False,
    ) -> Conversation:
        """Create a conversation with its first prompt; a temporary one is never stored."""
        if temporary:
            return self._create_temporary(prompt, system, attachments)

        def noted(new: Conversation) -> Iterable[Change]:
            self._holding.take_new(new)
            yield Began(new.id, new.title, new.system, new.created)
            yield TurnAdded(new.id, new.path()[-1])

        return self._holding.remember(
            self._holding.change(
                None, lambda store: store.create(prompt, system, attachments), noted
            )
        )

    def add_prompt(
        self,
        conversation: int,
        parent: int | None,
        text: str,
        attachments: Sequence[Attachment] = (),
    ) -> Turn:
        """Add a user's turn after ``parent`` and make it the head."""
        turn = self._holding.change(
            conversation,
            lambda store: store.add_prompt(conversation, parent, text, attachments),
            lambda turn: [TurnAdded(conversation, turn)],
        )
        self._holding.remember_turn(conversation, turn)
        return turn

    def start_answer(
        self,
        conversation: int,
        parent: int,
        model: str,
        thought: str = "",
        text: str = "",
        rounds: tuple[Round, ...] = (),
    ) -> Turn:
        """Add a running assistant's turn after ``parent`` and make it the head."""
        turn = self._holding.change(
            conversation,
            lambda store: store.start_answer(conversation, parent, model, thought, text, rounds),
            lambda turn: [TurnAdded(conversation, turn)],
        )
        self._holding.grow(conversation, turn)
        return turn

    def append(self, turn: int, thought: str, text: str, measures: Measures) -> None:
        """Append the text generated since the last call to the journal."""
        conversation = self._holding.place_of(turn)
        self._holding.change(
            conversation,
            lambda store: store.append(turn, thought, text, measures),
            lambda piece: [Grew(conversation, turn, piece, thought, text, measures)],
        )
        known = self._holding.growing(turn)
        if known is not None:
            thought, text = known.thought + thought, known.text + text
            grown = replace(known, thought=thought, text=text, measures=measures)
            self._holding.grow(conversation, grown)

    def end_round(self, turn: int, number: int, calls: Sequence[StoredCall]) -> None:
        """Make all text so far of a running turn its round ``number``, which made these calls."""
        conversation = self._holding.place_of(turn)
        made = tuple(calls)
        self._holding.change(
            conversation,
            lambda store: store.end_round(turn, number, made),
            lambda _: [RoundEnded(conversation, turn, number, made)],
        )
        if (known := self._holding.growing(turn)) is not None:
            one = Round(known.thought, known.text, made)
            grown = replace(known, thought="", text="", rounds=(*known.rounds, one))
            self._holding.grow(conversation, grown)

    def end_call(self, turn: int, number: int, call: StoredCall) -> None:
        """Store what came of a call of a round, or what the model read of it."""
        conversation = self._holding.place_of(turn)
        self._holding.change(
            conversation,
            lambda store: store.end_call(turn, number, call),
            lambda _: [CallEnded(conversation, turn, number, call)],
        )
        if (known := self._holding.growing(turn)) is not None:
            rounds = list(known.rounds)
            calls = [call if one.id == call.id else one for one in rounds[number].calls]
            rounds[number] = replace(rounds[number], calls=tuple(calls))
            self._holding.grow(conversation, replace(known, rounds=tuple(rounds)))

    def rewrite(self, turn: int, thought: str, text: str) -> None:
        """Replace all text so far of a running turn."""
        conversation = self._holding.place_of(turn)

        def noted(_: None) -> Iterable[Change]:
            known = self._holding.growing(turn)
            if known is None or not known.rounds:  # earlier pieces may belong to a round
                self._holding.supersede(lambda one: _is_piece(one, turn))
            yield Rewritten(conversation, turn, thought, text)

        self._holding.change(conversation, lambda store: store.rewrite(turn, thought, text), noted)
        if (known := self._holding.growing(turn)) is not None:
            self._holding.grow(conversation, replace(known, thought=thought, text=text))

    def finish(
        self,
        turn: int,
        status: Status,
        thought: str,
        text: str,
        measures: Measures,
        note: str = "",
    ) -> Turn:
        """End a running turn with the last pieces of its thought and answer."""
        conversation = self._holding.place_of(turn)

        def noted(ended: Turn) -> Iterable[Change]:
            self._holding.supersede(lambda one: _is_piece(one, turn))
            yield Ended(conversation, ended)

        ended = self._holding.change(
            conversation,
            lambda store: store.finish(turn, status, thought, text, measures, note),
            noted,
        )
        self._holding.grow(conversation, ended)
        self._holding.remember_turn(conversation, ended)
        return ended

    def move_head(self, conversation: int, head: int | None) -> None:
        """Continue the conversation after ``head``; later turns remain as a branch."""
        self._holding.change(
            conversation,
            lambda store: store.move_head(conversation, head),
            lambda _: [Moved(conversation, head)],
        )

    def remove_turn(self, turn: int) -> int | None:
        """Remove a turn and all after it, and return the head of the rest."""
        conversation = self._holding.place_of(turn)
        return self._holding.change(
            conversation,
            lambda store: store.remove_turn(turn),
            lambda _: [TurnRemoved(conversation, turn, removed=True)],
        )

    def restore_turn(self, turn: int) -> int | None:
        """Undo ``remove_turn`` and return the head, which is where it was before."""
        conversation = self._holding.place_of(turn)
        return self._holding.change(
            conversation,
            lambda store: store.restore_turn(turn),
            lambda _: [TurnRemoved(conversation, turn, removed=False)],
        )

    # Conversations

    def set_draft(
        self,
        conversation: int | None,
        text: str,
        attachments: Sequence[Attachment] | None = None,
    ) -> None:
        """Store an unsent draft; None for the attachments keeps those already stored."""
        if conversation == UNSENT_TEMPORARY:
            files = self._unsent.attachments if attachments is None else tuple(attachments)
            self._unsent = Draft(text, files)
            return

        def noted(_: object) -> Iterable[Change]:
            self._holding.supersede(
                lambda one: isinstance(one, DraftKept) and one.conversation == conversation
            )
            yield DraftKept(conversation, self._holding.memory.draft(conversation))

        self._holding.change(
            conversation, lambda store: store.set_draft(conversation, text, attachments), noted
        )

    def rename(self, conversation: int, title: str) -> None:
        """Set the title of a conversation, on one line; an empty one changes nothing."""
        self._holding.change(
            conversation,
            lambda store: store.rename(conversation, title),
            lambda _: [Titled(conversation, title)],
        )

    def pin(self, conversation: int, pinned: bool) -> None:
        """Keep a conversation at the top of the list, or no longer."""
        self._holding.change(
            conversation,
            lambda store: store.pin(conversation, pinned),
            lambda _: [Pinned(conversation, pinned)],
        )

    def delete(self, conversation: int) -> None:
        """Delete a conversation; ``restore`` can undo it for 30 days."""
        self._holding.change(
            conversation,
            lambda store: store.delete(conversation),
            lambda _: [Deleted(conversation, deleted=True)],
        )

    def restore(self, conversation: int) -> None:
        """Restore a deleted conversation."""
        self._holding.change(
            conversation,
            lambda store: store.restore(conversation),
            lambda _: [Deleted(conversation, deleted=False)],
        )

    def restore_last(self) -> Conversation | None:
        """Restore the last conversation deleted by any process; return None if there is none."""
        found = [self._holding.memory.last_deleted()]
        if self._holding.disk is not None:
            found.append(self._holding.disk.last_deleted(without=self._holding.inside))
        deleted = [one for one in found if one is not None]
        if not deleted:
            return None
        _, conversation = max(deleted)
        self.restore(conversation)
        return self.get(conversation)

    def set_settings(self, conversation: int, settings: Mapping[str, object]) -> None:
        """Store settings that override the general ones: plain values, as in JSON."""
        self._holding.change(
            conversation,
            lambda store: store.set_settings(conversation, settings),
            lambda _: [SettingsChanged(conversation, settings)],
        )

    def add_imported(self, imported: Imported) -> int:
        """Store a conversation read from a file and return its number.

        Raises LocalqwqError if it cannot be written now, since the file still has it.
        """
        if self._holding.disk is None:
            raise LocalqwqError(self.trouble)
        return self._holding.disk.add_imported(imported)

    def add_unsaved(self, changes: Unsaved) -> int:
        """Apply the changes in a file and return how many conversations they are about.

        Raises LocalqwqError if they cannot be applied or written now, since the file still has
        them.
        """
        if self._holding.disk is None:
            raise LocalqwqError(self.trouble)
        return add(changes, self._holding.disk)

    # Internals

    def _create_temporary(
        self, prompt: str, system: str, attachments: Sequence[Attachment]
    ) -> Conversation:
        self._temporary += 1
        name = title(prompt) or title(attachments[0].name if attachments else "")
        now = time.time()
        new = Conversation(-self._temporary, name, system, None, now, now)
        self._holding.take_new(new)
        self._holding.memory.add_prompt(new.id, None, prompt, attachments)
        return self._holding.memory.get(new.id)


def _is_piece(change: Change, turn: int) -> bool:
    """Return whether it is a piece of a running turn."""
    return isinstance(change, Grew | RoundEnded | CallEnded | Rewritten) and change.turn == turn
