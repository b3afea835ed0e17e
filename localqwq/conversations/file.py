"""The store's SQLite file: opened with clear errors, changed in transactions."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self

from localqwq.conversations import schema
from localqwq.errors import LocalqwqError
from localqwq.locks import check_locks

_REFUSED = sqlite3.IntegrityError, sqlite3.ProgrammingError
"""Errors of changes that will never succeed."""
_DAMAGED = sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB
# How a transaction begins, ends and is undone; and a nested one.
_WHOLE = "BEGIN IMMEDIATE", "COMMIT", "ROLLBACK"
_NESTED = "SAVEPOINT part", "RELEASE part", "ROLLBACK TO part"


class NotStoredError(LocalqwqError):
    """A change did not reach the disk; a retry may succeed."""

    def __init__(self, error: sqlite3.Error) -> None:
        super().__init__(
            f"The conversation could not be stored ({error}); check that there is room on the "
            "disk and that the data directory is writable."
        )


class StoreFile:
    """A connection to the file, shared with other processes that have it open.

    It belongs to the thread that created it. Changes made in ``writing`` are on the disk when its
    block is left.
    """

    def __init__(self, path: Path, patience: float = schema.BUSY_SECONDS) -> None:
        """Open or create the file; raises LocalqwqError.

        A read-only file is opened as such, and each change raises NotStoredError.
        """
        self.path = path
        self.patience = patience
        """Seconds that a change waits for another writing process."""
        self.only_reads = False
        """Whether the file is read-only."""
        check_locks(path.parent)
        try:
            self.connection = schema.connect(str(path))
        except schema.NewerSchemaError:
            raise LocalqwqError(
                f"{path} was written by a newer localqwq; update this one, or move the file away."
            ) from None
        except schema.NoFullTextError:
            raise LocalqwqError(
                f"The SQLite {sqlite3.sqlite_version} of this Python was built without FTS5, "
                "which the search needs; use a Python from python.org, uv or your system."
            ) from None
        except schema.StaleLogError as error:
            raise LocalqwqError(
                f"{path} and the log beside it do not belong together, as after restoring a "
                f"backup: quit localqwq everywhere, move {path.name}-wal and {path.name}-shm "
                "away, and try again."
            ) from error
        except sqlite3.OperationalError as error:
            raise LocalqwqError(
                f"{path} cannot be opened ({error}); check that no other program is using it and "
                "that its directory is writable."
            ) from error
        except sqlite3.Error as error:
            raise LocalqwqError(
                f"{path} cannot be opened as the store of conversations ({error}); restore a "
                "backup, or move it away to start with an empty one."
            ) from error
        refuses = self.connection.execute("PRAGMA query_only").fetchone()[0]
        self.only_reads = bool(refuses) or (path.exists() and not os.access(path, os.W_OK))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self.connection.close()

    def copy_to(self, target: sqlite3.Connection) -> None:
        """Copy the current state of the whole file into another database.

        Others may write meanwhile. Raises sqlite3.Error if the target cannot be written.
        """
        self.connection.backup(target)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Run a transaction that takes the write lock at once, so that it can wait for it.

        Inside another one it becomes part of that. Raises NotStoredError if the disk or another
        process prevents it, LocalqwqError if the change contradicts stored data.
        """
        nested = self.connection.in_transaction
        begin, end, undo = _NESTED if nested else _WHOLE
        try:
            if not nested:
                self.connection.execute(f"PRAGMA busy_timeout = {round(self.patience * 1000)}")
            self.connection.execute(begin)
            yield
            self.connection.execute(end)
        except BaseException as error:
            with suppress(sqlite3.Error):
                if self.connection.in_transaction:
                    self.connection.execute(undo)
            if isinstance(error, _REFUSED):
                raise LocalqwqError(f"The conversation could not be stored ({error}).") from error
            if isinstance(error, sqlite3.Error):
                raise NotStoredError(error) from error
            raise

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Keep one view of the file over several queries."""
        if self.connection.in_transaction:
            yield
            return
        try:
            self.connection.execute("BEGIN")
            try:
                yield
            finally:
                self.connection.execute("COMMIT")
        except sqlite3.Error as error:
            remedy = "copy it to another disk and try the copy"
            if _code(error) in _DAMAGED:
                remedy = "restore a backup, without a -wal or -shm file beside it"
            raise LocalqwqError(f"{self.path} cannot be read ({error}); {remedy}.") from error

    def rows(self, query: str, *values: str | float | None) -> list[sqlite3.Row]:
        """Return the rows of a query; all reading goes through here.

        Raises LocalqwqError if the file cannot be read.
        """
        with self.reading():
            return self.connection.execute(query, values).fetchall()

    def row(self, query: str, *values: str | float | None) -> sqlite3.Row | None:
        """Return the first row of a query."""
        return next(iter(self.rows(query, *values)), None)


def _code(error: sqlite3.Error) -> int:
    return int(getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)) & 0xFF


def reason_of(error: LocalqwqError) -> str:
    """Return a few words on why the file could not be opened or written, for the end of a
    sentence.
    """
    cause = error.__cause__
    match _code(cause) if isinstance(cause, sqlite3.Error) else sqlite3.SQLITE_ERROR:
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return "another program is writing"
        case sqlite3.SQLITE_FULL:
            return "the disk is full"
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_PERM:
            return "the data folder cannot be written to"
        case sqlite3.SQLITE_IOERR:
            return "the disk reports an error"
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
            return "the file is damaged"
    return str(error).rstrip(".")
