"""Stores whose disk fails at a chosen write, as SQLite tells of it."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

FAILURES = (
    (sqlite3.SQLITE_FULL, "the disk is full"),
    (sqlite3.SQLITE_IOERR_WRITE, "the disk reports an error"),
    (sqlite3.SQLITE_BUSY, "another program is writing"),
    (sqlite3.SQLITE_READONLY, "the data folder cannot be written to"),
    (sqlite3.SQLITE_IOERR_FSYNC, "the disk reports an error"),
)
"""What SQLite makes of ENOSPC, of EIO at a write, of a lock, of a file that may only be read and
of EIO at a sync, and what is said of it."""
_WRITES = ("INSERT", "UPDATE", "DELETE", "BEGIN IMMEDIATE")


class Disk:
    """Counts the writes of all stores in files, and has some of them fail."""

    def __init__(self) -> None:
        self.writes = 0
        self.fails_from = -1
        self.fails_until = -1
        self.code = sqlite3.SQLITE_FULL

    def fail(self, first: int, until: int, code: int) -> None:
        """The writes from `first` on fail, as counted from now, before the one `until`."""
        self.writes, self.fails_from, self.fails_until, self.code = 0, first, until, code

    def mend(self) -> None:
        """No write fails any more."""
        self.fails_from = self.fails_until = -1

    def write(self) -> None:
        """One more write; raises what SQLite would."""
        self.writes += 1
        if self.fails_from < self.writes <= self.fails_until:
            error = sqlite3.OperationalError("made to fail")
            error.sqlite_errorcode = self.code
            raise error


@contextmanager
def failing_disk() -> Iterator[Disk]:
    """All stores in files that are opened in here are on this disk."""
    disk = Disk()

    class Connection(sqlite3.Connection):
        is_in_memory = False
        is_writing = False

        def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
            begins, ends = sql == "BEGIN IMMEDIATE", sql == "COMMIT" and self.is_writing
            if (sql.lstrip().startswith(_WRITES) or ends) and not self.is_in_memory:
                disk.write()
            if sql.startswith("PRAGMA synchronous"):
                return super().execute("PRAGMA synchronous = OFF")  # no power is cut here
            self.is_writing = begins or (self.is_writing and sql not in ("COMMIT", "ROLLBACK"))
            return super().execute(sql, *values)

        def executemany(self, sql: str, *values: Any) -> sqlite3.Cursor:
            if not self.is_in_memory:
                disk.write()
            return super().executemany(sql, *values)

    plain = sqlite3.connect

    def connect(path: str, *arguments: Any, **named: Any) -> sqlite3.Connection:
        connection: Connection = plain(path, *arguments, **named, factory=Connection)
        connection.is_in_memory = path == ":memory:"
        return connection

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sqlite3, "connect", connect)
        yield disk
