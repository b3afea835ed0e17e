"""Stored responses: one SQLite file that only its owner reads, bounded by bytes and days."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from localqwq.errors import LocalqwqError

if TYPE_CHECKING:
    import sqlite3

Json = dict[str, Any]

DAYS = 30.0
"""How long a response is kept that nobody continues."""
LIMIT_BYTES = 256 << 20
"""Maximum bytes of all; those that were not used for longest go first."""
_DAY = 24 * 3600.0
_BUSY_SECONDS = 5.0
_TABLES = """
    CREATE TABLE IF NOT EXISTS responses (
        id TEXT PRIMARY KEY, previous TEXT, used REAL NOT NULL, bytes INTEGER NOT NULL,
        items TEXT NOT NULL, response TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS items (
        id TEXT NOT NULL,
        response TEXT NOT NULL REFERENCES responses (id) ON DELETE CASCADE,
        body TEXT NOT NULL,
        PRIMARY KEY (id, response));
    CREATE INDEX IF NOT EXISTS items_by_response ON items (response);
    CREATE INDEX IF NOT EXISTS responses_by_use ON responses (used);
"""


@dataclass(frozen=True, slots=True)
class StoredResponse:
    """A response, and the input items that it answers."""

    response: Json
    items: Sequence[Json]
    """Those of its own request, without what came before."""
    previous: str | None = None
    """The response that it continues."""

    @property
    def id(self) -> str:
        """Return its id."""
        return str(self.response["id"])


class ResponseStore:
    """Responses by their ids; usable from any thread. The file is created with the first one."""

    def __init__(
        self,
        path: Path,
        *,
        limit_bytes: int = LIMIT_BYTES,
        days: float = DAYS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._path = path
        self._limit = limit_bytes
        self._days = days
        self._clock = clock
        self._lock = threading.Lock()

    def put(self, stored: StoredResponse) -> None:
        """Store a response, or its new state; raises ``LocalqwqError`` if that fails."""
        response, items = json.dumps(stored.response), json.dumps(list(stored.items))
        with self._open() as file:
            file.execute("DELETE FROM responses WHERE id = ?", (stored.id,))
            file.execute(
                "INSERT INTO responses VALUES (?, ?, ?, ?, ?, ?)",
                (
                    stored.id,
                    stored.previous,
                    self._clock(),
                    len(response) + len(items),
                    items,
                    response,
                ),
            )
            file.executemany(
                "INSERT OR REPLACE INTO items VALUES (?, ?, ?)",
                (
                    (item["id"], stored.id, json.dumps(item))
                    for item in (*stored.items, *stored.response.get("output", ()))
                    if "id" in item
                ),
            )
            self._fit(file)

    def get(self, id_: str) -> StoredResponse | None:
        """Return a response; None if there is none with this id."""
        if not self._path.exists():
            return None
        with self._open() as file:
            return _found(file, id_)

    def item(self, id_: str) -> Json | None:
        """Return an item of any response; None if there is none with this id."""
        if not self._path.exists():
            return None
        with self._open() as file:
            row = file.execute("SELECT body FROM items WHERE id = ? LIMIT 1", (id_,)).fetchone()
        return None if row is None else json.loads(row[0])

    def chain(self, id_: str) -> list[StoredResponse] | None:
        """Return a response and those that it continues, the first one first.

        None if one of them is gone. They count as used.
        """
        if not self._path.exists():
            return None
        found: list[StoredResponse] = []
        with self._open() as file:
            next_: str | None = id_
            while next_ is not None:
                stored = _found(file, next_)
                if stored is None:
                    return None
                found.insert(0, stored)
                next_ = stored.previous
            file.executemany(
                "UPDATE responses SET used = ? WHERE id = ?",
                ((self._clock(), stored.id) for stored in found),
            )
        return found

    def delete(self, id_: str) -> bool:
        """Delete a response; return whether there was one."""
        if not self._path.exists():
            return False
        with self._open() as file:
            return file.execute("DELETE FROM responses WHERE id = ?", (id_,)).rowcount > 0

    def _fit(self, file: sqlite3.Connection) -> None:
        file.execute(
            """DELETE FROM responses WHERE id IN (SELECT id FROM (
                   SELECT id, SUM(bytes) OVER (ORDER BY used DESC, rowid DESC) AS total
                   FROM responses) WHERE total > ?)""",
            (self._limit,),
        )

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """Yield the file within one transaction; raises ``LocalqwqError`` if it cannot be used."""
        import sqlite3

        try:
            with self._lock, closing(self._connected()) as file, file:
                oldest = self._clock() - self._days * _DAY
                file.execute("DELETE FROM responses WHERE used < ?", (oldest,))
                yield file
        except (OSError, sqlite3.Error) as error:
            raise LocalqwqError(
                f"The stored responses in {self._path.name} cannot be used ({error}): free the "
                "disk, or start the server with --no-store."
            ) from error

    def _connected(self) -> sqlite3.Connection:
        import sqlite3

        self._path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600))  # SQLite would let others read
        file = sqlite3.connect(self._path, timeout=_BUSY_SECONDS, check_same_thread=False)
        file.execute("PRAGMA auto_vacuum = FULL")  # what is deleted leaves the disk
        file.execute("PRAGMA secure_delete = ON")
        file.execute("PRAGMA foreign_keys = ON")
        file.executescript(_TABLES)
        return file


def _found(file: sqlite3.Connection, id_: str) -> StoredResponse | None:
    row = file.execute(
        "SELECT response, items, previous FROM responses WHERE id = ?", (id_,)
    ).fetchone()
    if row is None:
        return None
    return StoredResponse(json.loads(row[0]), json.loads(row[1]), row[2])
