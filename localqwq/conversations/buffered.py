"""A store that takes every change at once, and writes it as soon as that can be done."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Self

from localqwq.conversations.changes import (
    Began,
    Change,
    Deleted,
    DraftKept,
    Ended,
    Grew,
    Moved,
    Pinned,
    Rewritten,
    SettingsChanged,
    Titled,
    TurnAdded,
    TurnRemoved,
)
from localqwq.conversations.holding import Holding
from localqwq.conversations.imported import Imported
from localqwq.conversations.merging import merged_hits, merged_summaries
from localqwq.conversations.reading import Summary
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

    What cannot be written now is held in memory, and whoever asks sees no difference; `retry`
    writes it. Temporary conversations are in memory only. A store belongs to the thread that
    made it.
    """

    def __init__(self, path: Path) -> None:
        """Opens or makes the file; where that fails, everything is held in memory."""
        self._holding = Holding(path)
        self._temporary = 0
        self._unsent = Draft()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def trouble(self) -> str:
        """Why not everything is on the disk, as a sentence; empty while it is."""
        return self._holding.trouble

    def retry(self) -> None:
        """Tries to write what is not written yet; does not wait for other processes."""
        self._holding.retry()

    def close(self) -> str:
        """Writes what is left: into the file, or into one elsewhere.

        Returns a sentence about the latter; empty where everything is in its place.
        """
        return self._holding.close()

    # Reading

    @property
    def others(self) -> tuple[int, int] | None:
        """Something that changes when somebody else writes into the file; None while it cannot be
        read."""
        return self._holding.others

    def get(self, conversation: int) -> Conversation:
        """A conversation with all of its turns; raises LocalqwqError where it cannot be read."""
        return self._holding.remember(self._holding.store_of(conversation).get(conversation))

    def last(self) -> Conversation | None:
        """The conversation that was written to last; None when there is none."""
        found = self._holding.disk.last() if self._holding.disk else None
        return found and self._holding.remember(found)

    def is_new_one_newer(self) -> bool:
        """Whether a draft of the conversation that has not begun is newer than all others."""
        return self._holding.disk is not None and self._holding.disk.is_new_one_newer()

    def draft(self, conversation: int | None) -> Draft:
        """What was typed and not sent in a conversation; None is the one that has not begun."""
        if conversation == UNSENT_TEMPORARY:
            return self._unsent
        return self._holding.store_of(conversation).draft(conversation)

    def newest(self, limit: int = 50, offset: int = 0) -> list[Summary]:
        """The pinned conversations, then the others, each the last one written to first."""
        disk, inside = self._holding.disk, self._holding.inside
        if disk is not None and not inside:
            return disk.newest(limit, offset)
        many = limit + offset + len(inside)
        stored = disk.newest(many) if disk else []
        merged = merged_summaries(stored, self._holding.memory.newest(many), inside)
        return merged[offset : offset + limit]

    def search(self, text: str, limit: int = 50) -> list[Hit]:
        """Where all words of `text` begin a word, whatever their case and accents."""
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
        """A new conversation with its first prompt; one that is temporary is never stored."""
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
        """A user's turn after `parent`; it becomes the head."""
        turn = self._holding.change(
            conversation,
            lambda store: store.add_prompt(conversation, parent, text, attachments),
            lambda turn: [TurnAdded(conversation, turn)],
        )
        self._holding.remember_turn(conversation, turn)
        return turn

    def start_answer(
        self, conversation: int, parent: int, model: str, thought: str = "", text: str = ""
    ) -> Turn:
        """An assistant's turn after `parent`, running from now on; it becomes the head."""
        turn = self._holding.change(
            conversation,
            lambda store: store.start_answer(conversation, parent, model, thought, text),
            lambda turn: [TurnAdded(conversation, turn)],
        )
        self._holding.grow(conversation, turn)
        return turn

    def append(self, turn: int, thought: str, text: str, measures: Measures) -> None:
        """Puts what was generated since the last call into the journal."""
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

    def rewrite(self, turn: int, thought: str, text: str) -> None:
        """Replaces all text so far of a turn that is being written."""
        conversation = self._holding.place_of(turn)

        def noted(_: None) -> Iterable[Change]:
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
        """Ends a running turn with the last pieces of its thought and answer."""
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
        """The conversation goes on after `head`; the turns behind it stay as a branch."""
        self._holding.change(
            conversation,
            lambda store: store.move_head(conversation, head),
            lambda _: [Moved(conversation, head)],
        )

    def remove_turn(self, turn: int) -> int | None:
        """Takes a turn and all behind it away and returns the head of what is left."""
        conversation = self._holding.place_of(turn)
        return self._holding.change(
            conversation,
            lambda store: store.remove_turn(turn),
            lambda _: [TurnRemoved(conversation, turn, removed=True)],
        )

    def restore_turn(self, turn: int) -> int | None:
        """Undoes `remove_turn` and returns the head, which is where it was before."""
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
        """Keeps what was typed and not sent; None for the attachments that are kept already."""
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
        """Gives a conversation another title, on one line; an empty one changes nothing."""
        self._holding.change(
            conversation,
            lambda store: store.rename(conversation, title),
            lambda _: [Titled(conversation, title)],
        )

    def pin(self, conversation: int, pinned: bool) -> None:
        """Keeps a conversation at the top of the list, or no longer."""
        self._holding.change(
            conversation,
            lambda store: store.pin(conversation, pinned),
            lambda _: [Pinned(conversation, pinned)],
        )

    def delete(self, conversation: int) -> None:
        """Takes a conversation out of every list; `restore` brings it back for 30 days."""
        self._holding.change(
            conversation,
            lambda store: store.delete(conversation),
            lambda _: [Deleted(conversation, deleted=True)],
        )

    def restore(self, conversation: int) -> None:
        """Brings a deleted conversation back."""
        self._holding.change(
            conversation,
            lambda store: store.restore(conversation),
            lambda _: [Deleted(conversation, deleted=False)],
        )

    def restore_last(self) -> Conversation | None:
        """Brings back what was deleted last, by whatever process; None if there is nothing."""
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
        """Stores what differs here from everybody's settings: plain values, as JSON has them."""
        self._holding.change(
            conversation,
            lambda store: store.set_settings(conversation, settings),
            lambda _: [SettingsChanged(conversation, settings)],
        )

    def add_imported(self, imported: Imported) -> int:
        """Stores a conversation that was read from a file; returns its number.

        Raises LocalqwqError where it cannot be written now, since the file has it.
        """
        if self._holding.disk is None:
            raise LocalqwqError(self.trouble)
        return self._holding.disk.add_imported(imported)

    def add_unsaved(self, changes: Unsaved) -> int:
        """Makes the changes of a file; returns how many conversations they are about.

        Raises LocalqwqError where they cannot be made or written now, since the file has them.
        """
        if self._holding.disk is None:
            raise LocalqwqError(self.trouble)
        return add(changes, self._holding.disk)

    # Inside

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
    """Whether it tells a part of the text of a turn."""
    return isinstance(change, Grew | Rewritten) and change.turn == turn
