"""Rows that go from one store into another as they are, and the numbers that rows get."""

from __future__ import annotations

from localqwq.conversations.file import StoreFile

_TURNS = "turn IN (SELECT id FROM turns WHERE conversation IS ?)"
_TABLES = {
    "conversations": "id IS ?",
    "turns": "conversation IS ?",
    "journal": _TURNS,
    "removals": _TURNS,
    "attachments": _TURNS,
    "drafts": "conversation IS ?",
}
"""What belongs to a conversation. Of none, that is the draft of the one that has not begun."""


class Copies:
    """Shares the conversations of one store with another one."""

    def __init__(self, file: StoreFile) -> None:
        self._file = file

    def lend(self, conversation: int | None, to: StoreFile) -> None:
        """Copies a conversation into a store that does not have it, with what was removed in it.

        None: the draft of the conversation that has not begun.
        """
        with self._file.reading(), to.writing():
            # The conversation stands at a turn that comes later.
            to.connection.execute("PRAGMA defer_foreign_keys = ON")
            for table, belongs in _TABLES.items():
                query = f"SELECT * FROM {table} WHERE {belongs}"
                rows = self._file.rows(query, conversation)
                if rows:
                    names, places = ", ".join(rows[0].keys()), ", ".join("?" * len(rows[0]))
                    to.connection.executemany(
                        f"INSERT INTO {table} ({names}) VALUES ({places})", map(tuple, rows)
                    )

    def drop(self, conversation: int | None) -> None:
        """Forgets a conversation for good, or the draft of the one that has not begun."""
        with self._file.writing():
            self._file.connection.execute("PRAGMA defer_foreign_keys = ON")
            for table, belongs in reversed(_TABLES.items()):
                self._file.connection.execute(
                    f"DELETE FROM {table} WHERE {belongs}", (conversation,)
                )

    def place_of(self, turn: int) -> int | None:
        """The conversation of a turn; None where there is no such turn."""
        row = self._file.row("SELECT conversation FROM turns WHERE id = ?", turn)
        return None if row is None else int(row["conversation"])

    def beginning(self, conversation: int) -> float | None:
        """When a conversation began, though it be deleted; None where there is none."""
        row = self._file.row("SELECT created FROM conversations WHERE id = ?", conversation)
        return None if row is None else float(row["created"])

    def last_numbers(self) -> tuple[int, int]:
        """The highest numbers that a conversation and a turn have had."""
        rows = self._file.rows("SELECT name, seq FROM sqlite_sequence")
        last = {row["name"]: int(row["seq"]) for row in rows}
        return last.get("conversations", 0), last.get("turns", 0)

    def number_from(self, conversation: int, turn: int) -> None:
        """New conversations and turns have higher numbers than these from now on."""
        with self._file.writing():
            for table, number in (("conversations", conversation), ("turns", turn)):
                self._file.connection.execute(
                    "DELETE FROM sqlite_sequence WHERE name = ?", (table,)
                )
                self._file.connection.execute(
                    "INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", (table, number)
                )
