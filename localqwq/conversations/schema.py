"""Connections to the store, and how an older file is brought up to date."""

from __future__ import annotations

import sqlite3
import time

from localqwq.conversations.migrations import MIGRATIONS

BUSY_SECONDS = 10.0
"""For so long one waits for another process that writes."""
FULL_TEXT = "fts5"
"""The kind of virtual tables that index words."""


class NewerSchemaError(Exception):
    """The file was written by a later version of localqwq."""


class NoFullTextError(Exception):
    """This SQLite was built without FTS5."""


def connect(path: str) -> sqlite3.Connection:
    """A connection that waits for other processes and survives their death and ours.

    Raises sqlite3.DatabaseError when the file is no database, NewerSchemaError when it is too
    new, NoFullTextError where words cannot be indexed.
    """
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
    try:
        connection.row_factory = sqlite3.Row
        _write_ahead(connection)
        # Each commit reaches the disk: a prompt must outlive a power cut, too.
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        if not _has_module(connection, FULL_TEXT):
            raise NoFullTextError
        migrate(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _has_module(connection: sqlite3.Connection, name: str) -> bool:
    """Whether this SQLite has virtual tables of that kind."""
    query = "SELECT 1 FROM pragma_module_list WHERE name = ?"
    return connection.execute(query, (name,)).fetchone() is not None


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
            for statement in statements(script):
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def statements(script: str) -> list[str]:
    """The statements of a script; `executescript` would commit the transaction around it."""
    found: list[str] = []
    lines: list[str] = []
    for line in script.splitlines():
        lines.append(line)
        if sqlite3.complete_statement("\n".join(lines)):
            found.append("\n".join(lines))
            lines = []
    return found


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Turns the write-ahead log on; SQLite does not wait by itself when two processes do so."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
