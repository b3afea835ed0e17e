"""Connecting to the store, and migrating older files."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

from localqwq.conversations.migrations import MIGRATIONS
from localqwq.durable import sync_database

BUSY_SECONDS = 10.0
"""Seconds to wait for another writing process."""
FULL_TEXT = "fts5"
"""The virtual table module that indexes words."""

_CHECK_SECONDS = 0.3
"""Maximum seconds to check a file against a log that was left beside it."""

_NOT_WRITABLE = sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN


class NewerSchemaError(Exception):
    """The file was written by a later version of localqwq."""


class NoFullTextError(Exception):
    """This SQLite was built without FTS5."""


class StaleLogError(Exception):
    """The write-ahead log belongs to another state of the file."""


def connect(path: str) -> sqlite3.Connection:
    """Return a connection that waits for other processes and survives crashes.

    It is read-only if the file is. Raises sqlite3.DatabaseError if the file is not a database,
    StaleLogError if its log does not belong to it, NewerSchemaError if it is too new,
    NoFullTextError if words cannot be indexed.
    """
    _check_log(Path(path))
    try:
        return _opened(path)
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF not in _NOT_WRITABLE or not Path(path).exists():
            raise
        return _opened(_to_read(Path(path)), only_reads=True)


def _check_log(path: Path) -> None:
    """Check that a file and the log left beside it belong together; raises StaleLogError.

    When closed, SQLite would permanently write the log of one state into the file of another. A
    read-only connection leaves both unchanged.
    """
    log = _log(path)
    if not log.exists() or not log.stat().st_size:
        return
    deadline = time.monotonic() + _CHECK_SECONDS
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=1)
    try:
        connection.set_progress_handler(lambda: time.monotonic() > deadline, 1000)
        checks = [
            connection.execute(f"PRAGMA quick_check({what})").fetchone()[0]
            for what in ("turns", "1")  # first the largest part of the file, then all of it
        ]
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_CORRUPT:
            return  # it took too long, or opening the file will report it
        raise StaleLogError from error
    finally:
        connection.close()
    if checks != ["ok", "ok"]:
        raise StaleLogError


def _log(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")


def _to_read(path: Path) -> str:
    """Return the URI for reading a file in a folder that cannot be written to.

    SQLite shares the state of a write-ahead log through a file beside it. If it cannot create that,
    it reads without it: as an immutable file or, if a crash left a log, exclusively and without
    locks.
    """
    log = _log(path)
    has_log = log.exists() and log.stat().st_size > 0
    return f"{path.absolute().as_uri()}?" + ("mode=ro&vfs=unix-none" if has_log else "immutable=1")


def _opened(path: str, *, only_reads: bool = False) -> sqlite3.Connection:
    """Open ``path``, which is a URI with ``only_reads``."""
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, uri=only_reads)
    try:
        connection.row_factory = sqlite3.Row
        if only_reads:
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            connection.execute("PRAGMA query_only = ON")
        else:
            _write_ahead(connection)
        # Each commit reaches the disk: a prompt must survive a power cut, too.
        connection.execute("PRAGMA synchronous = FULL")
        sync_database(connection)
        connection.execute("PRAGMA foreign_keys = ON")
        if not _has_module(connection, FULL_TEXT):
            raise NoFullTextError
        migrate(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _has_module(connection: sqlite3.Connection, name: str) -> bool:
    """Return whether this SQLite has that virtual table module."""
    query = "SELECT 1 FROM pragma_module_list WHERE name = ?"
    return connection.execute(query, (name,)).fetchone() is not None


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the tables up to date; safe in several processes at once."""
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
    """Return the statements of a script; ``executescript`` would commit the surrounding
    transaction.
    """
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
    """Enable the write-ahead log; SQLite does not wait by itself if two processes do so."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            is_busy = error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
            if not is_busy or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
