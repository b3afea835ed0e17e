"""Reading conversations, turns and lists from the store."""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from localqwq.conversations.file import StoreFile
from localqwq.conversations.rounds import Round, StoredCall
from localqwq.conversations.turns import Attachment, Conversation, Draft, Measures, Turn
from localqwq.errors import LocalqwqError

_TURN = """SELECT id, parent, role, text, thought, status, model, created, note, seconds,
           thought_seconds, tokens, thought_tokens, context_tokens, rate FROM turns"""
_SUMMARY = """SELECT id, title, updated, pinned, coalesce(
                (SELECT model FROM turns WHERE conversation = conversations.id
                 AND role = 'assistant' AND removal IS NULL ORDER BY id DESC LIMIT 1), '') AS model
              FROM conversations WHERE deleted IS NULL"""


class UnknownConversationError(LocalqwqError):
    """There is no conversation with that id."""


@dataclass(frozen=True, slots=True)
class Summary:
    """A conversation in a list."""

    id: int
    title: str
    updated: float
    """Seconds since the epoch."""
    pinned: bool = False
    model: str = ""
    """The model of the newest answer; empty if there is none."""


class Reader:
    """Reads conversations from a store's file."""

    def __init__(self, file: StoreFile) -> None:
        self._file = file

    @property
    def others(self) -> int:
        """Return a number that changes when another process or store writes."""
        with self._file.reading():
            row = self._file.row("PRAGMA data_version")
        assert row is not None
        return int(row[0])

    def get(self, conversation: int) -> Conversation:
        """Return a conversation with all of its turns; raises UnknownConversationError."""
        with self._file.reading():
            row = self._file.row(
                "SELECT id, title, system, head, created, updated, pinned, settings"
                " FROM conversations WHERE id = ? AND deleted IS NULL",
                conversation,
            )
            if row is None:
                raise UnknownConversationError(self.unknown(conversation))
            turns = self.turns("conversation = ? AND removal IS NULL", conversation)
        values = dict(row)
        values["pinned"] = bool(values["pinned"])
        values["settings"] = self._unpacked(values["settings"])
        self._check(conversation, values["head"], turns)
        return Conversation(**values, turns={turn.id: turn for turn in turns})

    def numbers(self) -> list[int]:
        """Return the listed conversations, the oldest first."""
        rows = self._file.rows(
            "SELECT id FROM conversations WHERE deleted IS NULL ORDER BY created, id"
        )
        return [row["id"] for row in rows]

    def last(self) -> int | None:
        """Return the conversation that was last written to; None if there is none."""
        row = self._file.row(
            "SELECT id FROM conversations WHERE deleted IS NULL"
            " ORDER BY updated DESC, id DESC LIMIT 1"
        )
        return row["id"] if row else None

    def is_new_one_newer(self) -> bool:
        """Return whether the draft for a new conversation is newer than all conversations."""
        with self._file.reading():
            row = self._file.row(
                "SELECT 1 FROM drafts WHERE conversation IS NULL AND written >"
                " (SELECT COALESCE(MAX(updated), 0) FROM conversations WHERE deleted IS NULL)"
            )
        return row is not None

    def draft(self, conversation: int | None) -> Draft:
        """Return the unsent draft of a conversation; None means a new conversation."""
        with self._file.reading():
            row = self._file.row(
                "SELECT text, attachments FROM drafts WHERE conversation IS ?", conversation
            )
        if row is None:
            return Draft()
        attachments = (Attachment(**values) for values in self._unpacked(row["attachments"]))
        return Draft(row["text"], tuple(attachments))

    def draft_time(self, conversation: int | None) -> float:
        """Return when that was typed, in seconds since the epoch; 0 if there is none."""
        with self._file.reading():
            row = self._file.row("SELECT written FROM drafts WHERE conversation IS ?", conversation)
        return 0.0 if row is None else float(row["written"])

    def _check(self, conversation: int, head: int | None, turns: Sequence[Turn]) -> None:
        """Check that turns lead from the first to the head; raises LocalqwqError."""
        known: set[int | None] = {None}
        for turn in turns:
            if turn.parent not in known:
                break
            known.add(turn.id)
        if head not in known or len(known) != len(turns) + 1:
            raise LocalqwqError(
                f"Conversation {conversation} in {self._file.path} is damaged: turns are missing. "
                "Restore a backup of the file, or use another conversation."
            )

    def _unpacked(self, text: str) -> Any:
        """Return stored JSON; raises LocalqwqError if it is damaged."""
        try:
            return json.loads(text)
        except ValueError as error:
            raise LocalqwqError(
                f"{self._file.path} is damaged ({error}); restore a backup."
            ) from error

    def newest(self, limit: int = 50, offset: int = 0) -> list[Summary]:
        """Return pinned conversations, then the others, each the most recently written first."""
        rows = self._file.rows(
            f"{_SUMMARY} ORDER BY pinned DESC, updated DESC, id DESC LIMIT ? OFFSET ?",
            limit,
            offset,
        )
        return [Summary(**{**dict(row), "pinned": bool(row["pinned"])}) for row in rows]

    def turns(self, which: str, *values: int) -> list[Turn]:
        """Return the turns that match a condition, oldest first, including their journals."""
        chosen = f"SELECT id FROM turns WHERE {which}"
        attachments = self._attachments(chosen, *values)
        journal = self._journal(chosen, *values)
        rounds = self._rounds(chosen, *values)
        rows = self._file.rows(f"{_TURN} WHERE {which} ORDER BY id", *values)
        return [
            replace(
                turn,
                thought=turn.thought + "".join(thought for thought, _ in journal[turn.id]),
                text=turn.text + "".join(text for _, text in journal[turn.id]),
                attachments=tuple(attachments[turn.id]),
                rounds=tuple(rounds[turn.id]),
            )
            for turn in map(_turn, rows)
        ]

    def turn(self, turn: int) -> Turn:
        """Return one turn, on any branch; raises LocalqwqError if it is gone."""
        found = self.turns("id = ?", turn)
        if not found:
            raise LocalqwqError(f"Turn {turn} is gone from the store of conversations.")
        return found[0]

    def _journal(self, turns: str, *values: int) -> Mapping[int, list[tuple[str, str]]]:
        """Return the journalled pieces of thought and text of the turns that a query selects."""
        pieces: defaultdict[int, list[tuple[str, str]]] = defaultdict(list)
        rows = self._file.rows(
            f"SELECT turn, thought, text FROM journal WHERE turn IN ({turns}) ORDER BY turn, piece",
            *values,
        )
        for row in rows:
            pieces[row["turn"]].append((row["thought"], row["text"]))
        return pieces

    def _attachments(self, turns: str, *values: int) -> Mapping[int, list[Attachment]]:
        found: defaultdict[int, list[Attachment]] = defaultdict(list)
        rows = self._file.rows(
            f"SELECT turn, name, text, tokens FROM attachments WHERE turn IN ({turns})"
            " ORDER BY turn, position",
            *values,
        )
        for row in rows:
            found[row["turn"]].append(Attachment(row["name"], row["text"], row["tokens"]))
        return found

    def _rounds(self, turns: str, *values: int) -> Mapping[int, list[Round]]:
        """Return the rounds of the turns that a query selects."""
        calls: defaultdict[tuple[int, int], list[StoredCall]] = defaultdict(list)
        rows = self._file.rows(
            f"SELECT * FROM calls WHERE turn IN ({turns}) ORDER BY turn, number, position", *values
        )
        for row in rows:
            found = dict(row)
            place = found.pop("turn"), found.pop("number")
            del found["position"]
            calls[place].append(StoredCall(**found))
        rounds: defaultdict[int, list[Round]] = defaultdict(list)
        rows = self._file.rows(
            "SELECT turn, number, thought, text FROM rounds"
            f" WHERE turn IN ({turns}) ORDER BY turn, number",
            *values,
        )
        for row in rows:
            made = tuple(calls[row["turn"], row["number"]])
            rounds[row["turn"]].append(Round(row["thought"], row["text"], made))
        return rounds

    def unknown(self, conversation: int) -> str:
        """Return a sentence that there is no such conversation, and which there are."""
        found = self.newest(limit=3)
        if not found:
            return f"There is no conversation {conversation}, and no other one either."
        known = ", ".join(f"{summary.id} (“{summary.title}”)" for summary in found)
        return f"There is no conversation {conversation}; the newest are {known}."


def _turn(row: sqlite3.Row) -> Turn:
    values = dict(row)
    measures = Measures(**{name: values.pop(name) for name in Measures.__slots__})
    return Turn(**values, measures=measures)
