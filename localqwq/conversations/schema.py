"""Connections to the store, and how an older file is brought up to date."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

from localqwq.conversations.migrations import MIGRATIONS
from localqwq.durable import sync_database

BUSY_SECONDS = 10.0
"""For so long one waits for another process that writes."""
FULL_TEXT = "fts5"
"""The kind of virtual tables that index words."""

_CHECK_SECONDS = 0.3
"""For so long at most a file is compared with a log that was left beside it."""

_NOT_WRITABLE = sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN


class NewerSchemaError(Exception):
    """The file was written by a later version of localqwq."""


class NoFullTextError(Exception):
    """This SQLite was built without FTS5."""


class StaleLogError(Exception):
    """The write-ahead log belongs to another state of the file than the one that is there."""


def connect(path: str) -> sqlite3.Connection:
    """A connection that waits for other processes and survives their death and ours.

    It only reads where the file may not be written to. Raises sqlite3.DatabaseError when the
    file is no database, StaleLogError when its log does not belong to it, NewerSchemaError when it
    is too new, NoFullTextError where words cannot be indexed.
    """
    _check_log(Path(path))
    try:
        return _opened(path)
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF not in _NOT_WRITABLE or not Path(path).exists():
            raise
        return _opened(_to_read(Path(path)), only_reads=True)


def _check_log(path: Path) -> None:
    """Look whether a file and the log that was left beside it make a whole; raises StaleLogError.

    SQLite would put the log of one state into the file of another, for good, as soon as somebody
    closes it. A connection that only reads leaves both as they are.
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
            for what in ("turns", "1")  # what takes most of the file, then all of it
        ]
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_CORRUPT:
            return  # it took too long, or will be told when the file is opened
        raise StaleLogError from error
    finally:
        connection.close()
    if checks != ["ok", "ok"]:
        raise StaleLogError


def _log(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")


def _to_read(path: Path) -> str:
    """The URI by which a file is read whose folder takes no files.

    SQLite shares the state of a write-ahead log through a file beside it. Where it cannot make
    that one, it reads without: as a file that nobody changes, or, where a crash has left a log,
    alone and without locks.
    """
    log = _log(path)
    has_log = log.exists() and log.stat().st_size > 0
    return f"{path.absolute().as_uri()}?" + ("mode=ro&vfs=unix-none" if has_log else "immutable=1")


def _opened(path: str, *, only_reads: bool = False) -> sqlite3.Connection:
    """`path`: a URI where one only reads."""
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, uri=only_reads)
    try:
        connection.row_factory = sqlite3.Row
        if only_reads:
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            connection.execute("PRAGMA query_only = ON")
        else:
            _write_ahead(connection)
        # Each commit reaches the disk: a prompt must outlive a power cut, too.
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
