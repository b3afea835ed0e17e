"""The tables of the store and how an older file is brought up to date."""

from __future__ import annotations

import sqlite3
import time

MIGRATIONS = (
    """
    CREATE TABLE conversations (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        title TEXT NOT NULL,
        system TEXT NOT NULL,
        head INTEGER REFERENCES turns (id),
        created REAL NOT NULL,
        updated REAL NOT NULL
    );
    CREATE TABLE turns (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        conversation INTEGER NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
        parent INTEGER REFERENCES turns (id),
        role TEXT NOT NULL CHECK (role IN ('user', 'assistant')),
        status TEXT NOT NULL CHECK (status IN ('running', 'done', 'stopped', 'lost')),
        text TEXT NOT NULL,
        thought TEXT NOT NULL DEFAULT '',
        model TEXT NOT NULL DEFAULT '',
        created REAL NOT NULL,
        note TEXT NOT NULL DEFAULT '',
        seconds REAL NOT NULL DEFAULT 0,
        thought_seconds REAL NOT NULL DEFAULT 0,
        tokens INTEGER NOT NULL DEFAULT 0,
        thought_tokens INTEGER NOT NULL DEFAULT 0,
        context_tokens INTEGER NOT NULL DEFAULT 0,
        rate REAL NOT NULL DEFAULT 0,
        writer TEXT NOT NULL DEFAULT ''  -- the process that writes a running turn
    );
    CREATE INDEX turns_of_conversation ON turns (conversation);
    CREATE INDEX running_turns ON turns (status) WHERE status = 'running';
    CREATE TABLE journal (  -- pieces of running turns, folded into the turn at its end
        turn INTEGER NOT NULL REFERENCES turns (id) ON DELETE CASCADE,
        piece INTEGER NOT NULL,
        thought TEXT NOT NULL,
        text TEXT NOT NULL,
        PRIMARY KEY (turn, piece)
    ) WITHOUT ROWID;
    """,
)
"""One script a version; `PRAGMA user_version` counts how many a file has had."""

_BUSY_SECONDS = 10.0


class NewerSchemaError(Exception):
    """The file was written by a later version of localqwq."""


def connect(path: str) -> sqlite3.Connection:
    """A connection that waits for other processes and survives their death and ours.

    Raises sqlite3.DatabaseError when the file is no database, NewerSchemaError when it is too new.
    """
    connection = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None)
    try:
        connection.row_factory = sqlite3.Row
        _write_ahead(connection)
        # Each commit reaches the disk: a prompt must outlive a power cut, too.
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        migrate(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def migrate(connection: sqlite3.Connection) -> None:
    """Brings the tables up to date; safe when several processes do it at once."""
    if _version(connection) == len(MIGRATIONS):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        version = _version(connection)  # Another process may have been faster.
        if version > len(MIGRATIONS):
            raise NewerSchemaError
        for script in MIGRATIONS[version:]:
            for statement in _statements(script):
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _statements(script: str) -> list[str]:
    """The statements of a script; `executescript` would commit the transaction around it."""
    return [statement for statement in script.split(";\n") if statement.strip()]


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Turns the write-ahead log on; SQLite does not wait by itself when two processes do so."""
    deadline = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
