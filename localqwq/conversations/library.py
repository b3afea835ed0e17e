"""Conversations as a whole: naming, pinning, configuring, deleting and restoring."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict

from localqwq.conversations.file import StoreFile
from localqwq.conversations.reading import Reader, UnknownConversationError
from localqwq.conversations.turns import Attachment, Conversation

KEPT_SECONDS = 30 * 24 * 3600.0
"""Seconds during which a deletion can be undone."""


class Library:
    """Changes whole conversations in a store's file."""

    def __init__(self, file: StoreFile, reader: Reader) -> None:
        self._file = file
        self._reader = reader

    def rename(self, conversation: int, title: str) -> None:
        """Set the title of a conversation, on one line; an empty one changes nothing."""
        words = " ".join(title.split())
        if words:
            self._set(conversation, "title = ?", words)

    def pin(self, conversation: int, pinned: bool) -> None:
        """Keep a conversation at the top of the list, or no longer."""
        self._set(conversation, "pinned = ?", int(pinned))

    def delete(self, conversation: int) -> None:
        """Delete a conversation; ``restore`` can undo it for 30 days."""
        self._set(conversation, "deleted = ?", time.time())

    def restore(self, conversation: int) -> None:
        """Restore a deleted conversation."""
        self._set(conversation, "deleted = ?", None)

    def restore_last(self) -> Conversation | None:
        """Restore the last conversation deleted by any process; return None if there is none."""
        found = self.last_deleted()
        if found is None:
            return None
        _, conversation = found
        self.restore(conversation)
        return self._reader.get(conversation)

    def last_deleted(self, without: Iterable[int] = ()) -> tuple[float, int] | None:
        """Return when a conversation was last deleted, and which, ignoring those in ``without``."""
        skipped = tuple(without)
        with self._file.reading():
            row = self._file.row(
                "SELECT deleted, id FROM conversations WHERE deleted IS NOT NULL"
                f" AND id NOT IN ({', '.join('?' * len(skipped))}) ORDER BY deleted DESC LIMIT 1",
                *skipped,
            )
        return None if row is None else (row["deleted"], row["id"])

    def set_settings(self, conversation: int, settings: Mapping[str, object]) -> None:
        """Store settings that override the general ones: plain values, as in JSON."""
        self._set(conversation, "settings = ?", json.dumps(dict(settings), ensure_ascii=False))

    def set_system(self, conversation: int, text: str) -> None:
        """Set the system prompt of a conversation."""
        self._set(conversation, "system = ?", text)

    def set_draft(
        self,
        conversation: int | None,
        text: str,
        attachments: Sequence[Attachment] | None = None,
    ) -> None:
        """Store an unsent draft; None means a new conversation.

        ``attachments``: None keeps those already stored, which may be long.
        """
        with self._file.writing():
            row = self._file.row(
                "SELECT text, attachments FROM drafts WHERE conversation IS ?", conversation
            )
            kept = (row["text"], row["attachments"]) if row else ("", "[]")
            files = kept[1]
            if attachments is not None:
                files = json.dumps([asdict(one) for one in attachments], ensure_ascii=False)
            if (text, files) == kept:
                return
            known = "SELECT 1 FROM conversations WHERE id = ?"
            if conversation is not None and self._file.row(known, conversation) is None:
                raise UnknownConversationError(self._reader.unknown(conversation))
            self._file.connection.execute(
                "DELETE FROM drafts WHERE conversation IS ?", (conversation,)
            )
            if text or files != "[]":
                self._file.connection.execute(
                    "INSERT INTO drafts (conversation, text, attachments, written)"
                    " VALUES (?, ?, ?, ?)",
                    (conversation, text, files, time.time()),
                )

    def _set(self, conversation: int, change: str, value: str | float | None) -> None:
        with self._file.writing():
            cursor = self._file.connection.execute(
                f"UPDATE conversations SET {change} WHERE id = ?", (value, conversation)
            )
            if not cursor.rowcount:
                raise UnknownConversationError(self._reader.unknown(conversation))

    def purge(self, now: float) -> None:
        """Delete permanently what can no longer be restored."""
        before = now - KEPT_SECONDS
        deleted = "SELECT id FROM conversations WHERE deleted < ?"
        removed = "SELECT turn FROM removals WHERE removed < ?"
        if self._file.row(f"{deleted} UNION ALL {removed}", before, before) is None:
            return
        with self._file.writing():
            self._file.connection.execute(
                f"DELETE FROM conversations WHERE id IN ({deleted})", (before,)
            )
            self._file.connection.execute(
                f"""WITH RECURSIVE behind (id) AS (
                        {removed} UNION
                        SELECT turns.id FROM turns JOIN behind ON turns.parent = behind.id)
                    DELETE FROM turns WHERE id IN (SELECT id FROM behind)""",
                (before,),
            )
