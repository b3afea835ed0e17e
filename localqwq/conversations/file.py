"""The file of the store: opened with a sentence where that fails, changed in transactions."""

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
"""Errors of a change that no disk will ever take."""
_DAMAGED = sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB
# How a transaction begins, ends and is undone; and a part of one.
_WHOLE = "BEGIN IMMEDIATE", "COMMIT", "ROLLBACK"
_NESTED = "SAVEPOINT part", "RELEASE part", "ROLLBACK TO part"


class NotStoredError(LocalqwqError):
    """A change did not reach the disk, and may do so later."""

    def __init__(self, error: sqlite3.Error) -> None:
        super().__init__(
            f"The conversation could not be stored ({error}); see that there is room on the disk "
            "and that the data directory may be written to."
        )


class StoreFile:
    """A connection to the file, shared with whatever other processes have it open.

    It belongs to the thread that made it. What `writing` changed has reached the disk when its
    block is left.
    """

    def __init__(self, path: Path, patience: float = schema.BUSY_SECONDS) -> None:
        """Opens or makes the file; raises LocalqwqError.

        A file that may only be read is opened for that, and each change raises NotStoredError.
        """
        self.path = path
        self.patience = patience
        """For so many seconds a change waits for another process that writes."""
        self.only_reads = False
        """Whether the file can be read only."""
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
                "which the search needs; use a Python of python.org, of uv or of the system."
            ) from None
        except schema.StaleLogError as error:
            raise LocalqwqError(
                f"{path} and the log beside it are of different times, as after a backup was put "
                f"back: quit localqwq everywhere, move {path.name}-wal and {path.name}-shm away, "
                "and try again."
            ) from error
        except sqlite3.OperationalError as error:
            raise LocalqwqError(
                f"{path} cannot be opened ({error}); see that no other program holds it and that "
                "its directory may be written to."
            ) from error
        except sqlite3.Error as error:
            raise LocalqwqError(
                f"{path} cannot be opened as the store of conversations ({error}); put a backup in "
                "its place, or move it away to begin with an empty one."
            ) from error
        refuses = self.connection.execute("PRAGMA query_only").fetchone()[0]
        self.only_reads = bool(refuses) or (path.exists() and not os.access(path, os.W_OK))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the file."""
        self.connection.close()

    def copy_to(self, target: sqlite3.Connection) -> None:
        """Copy all of the file as it is at this moment into another database.

        Others may write meanwhile. Raises sqlite3.Error where the target cannot take it.
        """
        self.connection.backup(target)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """One transaction that takes the write lock at once, so that it can wait for it.

        Within another one it is a part of that. Raises NotStoredError where the disk or another
        process is in the way, LocalqwqError where the change contradicts what is stored.
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
        """One view of the file over several queries."""
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
            remedy = "copy it to another disk and try that one"
            if _code(error) in _DAMAGED:
                remedy = "put a backup in its place, with no -wal and no -shm file beside it"
            raise LocalqwqError(f"{self.path} cannot be read ({error}); {remedy}.") from error

    def rows(self, query: str, *values: str | float | None) -> list[sqlite3.Row]:
        """Return what a query finds; whatever is read goes through here.

        Raises LocalqwqError where the file cannot be read.
        """
        with self.reading():
            return self.connection.execute(query, values).fetchall()

    def row(self, query: str, *values: str | float | None) -> sqlite3.Row | None:
        """Return the first row that a query finds."""
        return next(iter(self.rows(query, *values)), None)


def _code(error: sqlite3.Error) -> int:
    return int(getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)) & 0xFF


def reason_of(error: LocalqwqError) -> str:
    """A few words about why the file could not be opened or written, for the end of a sentence."""
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
