"""The file of the store: opened with a sentence where that fails, changed in transactions."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from localqwq.conversations import schema
from localqwq.errors import LocalqwqError


class StoreFile:
    """A connection to the file, shared with whatever other processes have it open.

    It belongs to the thread that made it. What `_writing` changed has reached the disk when its
    block is left.
    """

    def __init__(self, path: Path) -> None:
        """Opens or makes the file; raises LocalqwqError."""
        self._path = path
        try:
            self._connection = schema.connect(str(path))
        except schema.NewerSchemaError:
            raise LocalqwqError(
                f"{path} was written by a newer localqwq; update this one, or move the file away."
            ) from None
        except schema.NoFullTextError:
            raise LocalqwqError(
                f"The SQLite {sqlite3.sqlite_version} of this Python was built without FTS5, "
                "which the search needs; use a Python of python.org, of uv or of the system."
            ) from None
        except sqlite3.OperationalError as error:
            raise LocalqwqError(
                f"{path} cannot be opened ({error}); see that no other program holds it and that "
                "its directory may be written to."
            ) from error
        except sqlite3.Error as error:
            raise LocalqwqError(
                f"{path} cannot be opened as the store of conversations ({error}); move it away "
                "to begin with an empty one."
            ) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the file."""
        self._connection.close()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """One transaction that takes the write lock at once, so that it can wait for it."""
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            yield
            self._connection.execute("COMMIT")
        except BaseException as error:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            if isinstance(error, sqlite3.Error):
                raise LocalqwqError(
                    f"The conversation could not be stored ({error}); see that there is room on "
                    "the disk and that the data directory may be written to."
                ) from error
            raise

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """One view of the file over several queries."""
        try:
            self._connection.execute("BEGIN")
            try:
                yield
            finally:
                self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise LocalqwqError(
                f"{self._path} cannot be read ({error}); copy it to another disk and try that one."
            ) from error
