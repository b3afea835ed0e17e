"""Writing turns into the tables of a store."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

from localqwq.conversations.file import StoreFile
from localqwq.conversations.reading import Reader
from localqwq.conversations.rounds import Round, StoredCall
from localqwq.conversations.turns import Attachment, Measures, Status, Turn

_MEASURES = """seconds = :seconds, thought_seconds = :thought_seconds, tokens = :tokens,
               thought_tokens = :thought_tokens, context_tokens = :context_tokens, rate = :rate"""
_ABOVE = """WITH RECURSIVE above (id, parent, removal) AS (
                SELECT id, parent, removal FROM turns WHERE id = ? UNION ALL
                SELECT turns.id, turns.parent, turns.removal
                FROM turns JOIN above ON turns.id = above.parent)
            SELECT DISTINCT removal FROM above WHERE removal IS NOT NULL"""


class TurnRows:
    """The steps of changes to turns; each must run in a transaction."""

    def __init__(self, file: StoreFile, reader: Reader, writer: str) -> None:
        """Set up; ``writer`` marks running turns, see ``localqwq.conversations.writer``."""
        self._file = file
        self._reader = reader
        self._writer = writer

    def add(self, conversation: int, new: Turn) -> int:
        """Add a turn at the head; removed turns that it depends on are restored."""
        now = new.created or time.time()
        turn = self.insert(conversation, new.parent, replace(new, created=now))
        self._file.connection.execute(
            "UPDATE conversations SET updated = ?, deleted = NULL WHERE id = ?",
            (now, conversation),
        )
        self.move(conversation, turn)
        return turn

    def insert(self, conversation: int, parent: int | None, turn: Turn) -> int:
        """Insert a turn, with a new number if it has none."""
        cursor = self._file.connection.execute(
            "INSERT INTO turns (id, conversation, parent, role, status, text, thought, model,"
            " created, note, writer) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                turn.id or None,
                conversation,
                parent,
                turn.role,
                turn.status,
                turn.text,
                turn.thought,
                turn.model,
                turn.created,
                turn.note,
                self._writer if turn.status == "running" else "",
            ),
        )
        number = int(cursor.lastrowid or 0)
        self.measure(number, turn.measures)
        self._attach(number, turn.attachments)
        self.set_rounds(number, turn.rounds)
        return number

    def _attach(self, turn: int, attachments: Sequence[Attachment]) -> None:
        self._file.connection.executemany(
            "INSERT INTO attachments (turn, position, name, text, tokens) VALUES (?, ?, ?, ?, ?)",
            [
                (turn, position, attachment.name, attachment.text, attachment.tokens)
                for position, attachment in enumerate(attachments)
            ],
        )

    def append(self, turn: int, thought: str, text: str, piece: int | None = None) -> int:
        """Append a piece to the journal; return its number there.

        ``piece``: its existing number, if any; nothing is added twice.
        """
        folded = self._last_piece("rounds", turn)
        if piece is None:
            piece = max(folded, self._last_piece("journal", turn)) + 1
        if (thought or text) and piece > folded:
            self._file.connection.execute(
                "INSERT INTO journal (turn, piece, thought, text) VALUES (?, ?, ?, ?)"
                " ON CONFLICT DO NOTHING",
                (turn, piece, thought, text),
            )
        return piece

    def end_round(self, turn: int, number: int, calls: Sequence[StoredCall]) -> None:
        """Move all text so far into a new round; if there is one with that number, do nothing."""
        row = self._file.row("SELECT 1 FROM rounds WHERE turn = ? AND number = ?", turn, number)
        if row is not None:
            return
        said = self._reader.turn(turn)
        piece = max(self._last_piece("rounds", turn), self._last_piece("journal", turn))
        self.rewrite(turn, "", "")
        self._add_round(turn, number, Round(said.thought, said.text, tuple(calls)), piece)

    def end_call(self, turn: int, number: int, call: StoredCall) -> None:
        """Store what came of a call of a round."""
        self._file.connection.execute(
            "UPDATE calls SET result = ?, read = ?, status = ?, seconds = ?"
            " WHERE turn = ? AND number = ? AND id = ?",
            (call.result, call.read, call.status, call.seconds, turn, number, call.id),
        )

    def set_rounds(self, turn: int, rounds: Sequence[Round]) -> None:
        """Replace all rounds of a turn."""
        piece = self._last_piece("rounds", turn)
        for table in ("calls", "rounds"):
            self._file.connection.execute(f"DELETE FROM {table} WHERE turn = ?", (turn,))
        for number, one in enumerate(rounds):
            self._add_round(turn, number, one, piece)

    def _add_round(self, turn: int, number: int, one: Round, piece: int) -> None:
        self._file.connection.execute(
            "INSERT INTO rounds (turn, number, thought, text, piece) VALUES (?, ?, ?, ?, ?)",
            (turn, number, one.thought, one.text, piece),
        )
        self._file.connection.executemany(
            "INSERT INTO calls (turn, number, position, id, name, arguments, result, read, status,"
            " seconds) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (turn, number, position, *(getattr(call, name) for name in StoredCall.__slots__))
                for position, call in enumerate(one.calls)
            ],
        )

    def _last_piece(self, table: str, turn: int) -> int:
        row = self._file.row(
            f"SELECT coalesce(max(piece), -1) AS last FROM {table} WHERE turn = ?", turn
        )
        return int(row["last"]) if row else -1

    def rewrite(self, turn: int, thought: str, text: str) -> None:
        """Replace the text of the turn and its journal."""
        self._file.connection.execute(
            "UPDATE turns SET thought = ?, text = ? WHERE id = ?", (thought, text, turn)
        )
        self._file.connection.execute("DELETE FROM journal WHERE turn = ?", (turn,))

    def measure(self, turn: int, measures: Measures) -> None:
        """Store a turn's measures."""
        values = {name: getattr(measures, name) for name in Measures.__slots__}
        self._file.connection.execute(
            f"UPDATE turns SET {_MEASURES} WHERE id = :id", values | {"id": turn}
        )

    def fold(self, turn: int, status: Status, note: str) -> None:
        """Move the journal of a turn into the turn."""
        self.end(turn, replace(self._reader.turn(turn), status=status, note=note))

    def end(self, turn: int, ended: Turn) -> None:
        """Store a complete turn, which makes its journal obsolete."""
        self._file.connection.execute(
            "UPDATE turns SET thought = ?, text = ?, status = ?, note = ?, writer = ''"
            " WHERE id = ?",
            (ended.thought, ended.text, ended.status, ended.note, turn),
        )
        self.set_rounds(turn, [_ended(one) for one in ended.rounds])
        self._file.connection.execute("DELETE FROM journal WHERE turn = ?", (turn,))

    def move(self, conversation: int, head: int | None) -> None:
        """Move the head of a conversation; removed turns above it are restored."""
        if head is not None:
            self.revive(head)
        self._file.connection.execute(
            "UPDATE conversations SET head = ? WHERE id = ?", (head, conversation)
        )

    def revive(self, turn: int) -> None:
        """Undo every removal that hides a turn or one before it."""
        if self._file.row("SELECT 1 FROM turns WHERE removal IS NOT NULL LIMIT 1") is None:
            return  # walking up a long conversation takes longer than the rest of a new turn
        for row in self._file.rows(_ABOVE, turn):
            removal = (row["removal"],)
            self._file.connection.execute(
                "UPDATE turns SET removal = NULL WHERE removal = ?", removal
            )
            self._file.connection.execute("DELETE FROM removals WHERE turn = ?", removal)

    def place(self, turn: int) -> tuple[int, int | None]:
        """Return the conversation of a turn, and its head."""
        row = self._file.row(
            "SELECT conversations.id, head FROM conversations"
            " JOIN turns ON turns.conversation = conversations.id WHERE turns.id = ?",
            turn,
        )
        if row is None:
            self._reader.turn(turn)  # reports that it is gone
            raise AssertionError
        return row["id"], row["head"]

    def visible(self, conversation: int) -> list[Turn]:
        """Return the turns of a conversation that are not removed."""
        return self._reader.turns("conversation = ? AND removal IS NULL", conversation)


def _ended(one: Round) -> Round:
    """Return a round without running calls."""
    return replace(one, calls=tuple(call.ended() for call in one.calls))
