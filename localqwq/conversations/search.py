"""Full-text search over titles, prompts, answers and thoughts."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Literal

from localqwq.conversations.file import StoreFile
from localqwq.conversations.query import Finder, Query, parse

Place = Literal["title", "prompt", "answer", "thought"]

_TURNS = "turns.removal IS NULL AND conversations.deleted IS NULL"
_HIT = "conversations.id AS conversation, conversations.title AS title, updated"


@dataclass(frozen=True, slots=True)
class Hit:
    """One place where all words were found."""

    conversation: int
    title: str
    """The conversation's title."""
    updated: float
    """When the conversation was last written to; seconds since the epoch."""
    turn: int | None
    """The turn; None if the title matched."""
    place: Place
    snippet: str
    """A few words around it, with ``MARK`` and ``UNMARK`` around matches."""


class Search:
    """Searches for words in a store's file."""

    def __init__(self, file: StoreFile) -> None:
        self._file = file

    def search(self, text: str, limit: int = 50) -> list[Hit]:
        """Return where all words of ``text`` begin a word, ignoring case and accents.

        Titles come first, then the newest turns. Scripts without spaces, and characters that are
        not indexed, are searched for literally, which reads everything.
        """
        query = parse(text)
        if not query.words and not query.literal:
            return []
        with self._file.reading():
            titles = self._titles(query, limit)
            return titles + self._turns_with(query, limit - len(titles))

    def _titles(self, query: Query, limit: int) -> list[Hit]:
        like = _like(query, "conversations.title")
        if query.words:
            rows = self._file.rows(
                f"SELECT {_HIT} FROM title_words"
                " JOIN conversations ON conversations.id = title_words.rowid"
                f" WHERE title_words MATCH ? AND deleted IS NULL {like}"
                " ORDER BY updated DESC LIMIT ?",
                query.match,
                *query.patterns,
                limit,
            )
        else:
            rows = self._file.rows(
                f"SELECT {_HIT} FROM conversations WHERE deleted IS NULL {like}"
                " ORDER BY updated DESC LIMIT ?",
                *query.patterns,
                limit,
            )
        finder = Finder.of(query)
        return [
            Hit(
                row["conversation"],
                row["title"],
                row["updated"],
                None,
                "title",
                finder.snippet(row["title"]),
            )
            for row in rows
        ]

    def _turns_with(self, query: Query, limit: int) -> list[Hit]:
        like = _like(query, "turns.text", "turns.thought")
        patterns = [pattern for pattern in query.patterns for _ in range(2)]
        columns = f"{_HIT}, turns.id AS turn, role, turns.text AS text, turns.thought AS thought"
        if query.words:
            # FTS5's own snippets take seconds if a frequent word is in long thoughts.
            rows = self._file.rows(
                f"SELECT {columns} FROM turn_words"
                " CROSS JOIN turns ON turns.id = turn_words.rowid"
                " JOIN conversations ON conversations.id = turns.conversation"
                f" WHERE turn_words MATCH ? AND {_TURNS} {like}"
                " ORDER BY turn_words.rowid DESC LIMIT ?",
                query.match,
                *patterns,
                limit,
            )
        else:
            rows = self._file.rows(
                f"SELECT {columns} FROM turns"
                " JOIN conversations ON conversations.id = turns.conversation"
                f" WHERE {_TURNS} {like} ORDER BY turns.id DESC LIMIT ?",
                *patterns,
                limit,
            )
        finder = Finder.of(query)
        return [_hit(row, finder) for row in rows]


def _like(query: Query, *columns: str) -> str:
    """Return the condition that each literal is in one of the columns; takes one value per pair."""
    either = " OR ".join(f"{column} LIKE ? ESCAPE '\\'" for column in columns)
    return "".join(f" AND ({either})" for _ in query.literal)


def _hit(row: sqlite3.Row, finder: Finder) -> Hit:
    text, thought = str(row["text"]), str(row["thought"])
    # Some words may be in one of them and some in the other.
    in_text = finder.count(text) >= finder.count(thought)
    place: Place = "thought"
    if in_text:
        place = "prompt" if row["role"] == "user" else "answer"
    return Hit(
        row["conversation"],
        row["title"],
        row["updated"],
        row["turn"],
        place,
        finder.snippet(text if in_text else thought),
    )
