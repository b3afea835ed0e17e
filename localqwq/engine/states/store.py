"""States of conversations evicted from the KV cache: in RAM, then on disk."""

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from localqwq.engine.states.files import Blob, StateFiles, file_name, hashed
from localqwq.engine.states.index import TOKEN_BYTES, PrefixIndex, beyond, pack

WORTHWHILE = 128
"""Minimum tokens of a state on disk: fewer are quickly prefilled again."""


@dataclass(frozen=True, slots=True)
class StoredState:
    """A state that shares its beginning with a prompt."""

    common: int
    """Tokens shared with the beginning of the prompt; at least one."""
    length: int
    """Tokens in the state: those beyond ``common`` must be cut off after restoring it."""
    size: int
    """Size of the blob in bytes."""
    in_ram: bool
    """Whether it is in RAM; otherwise it is read from disk."""
    tokens: bytes = field(repr=False)
    """Its packed tokens."""


@dataclass(eq=False, slots=True)
class _Entry:
    """One state: in RAM, on disk, or both."""

    name: str
    """The name of its file, whether or not it exists."""
    key: str
    tokens: bytes
    size: int
    """Size of the blob in bytes."""
    blob: Blob | None = None
    on_disk: bool = False
    used: int = 0
    """Larger means used more recently."""
    replaced: str | None = None
    """The file of a prefix, kept until this state is on disk as well."""


class StateStore:
    """States by their tokens, with separate byte limits for RAM and disk.

    The least recently used ones move from RAM to disk, and are deleted from there. For one thread;
    another writes the files, since that takes seconds: during a write, one state at most exceeds
    the RAM limit. If the disk is full or read-only, nothing is kept there.
    """

    def __init__(
        self, *, key: str, ram_bytes: int, directory: Path | None, disk_bytes: int
    ) -> None:
        """Set up; ``key`` covers everything that makes states incompatible; no ``directory``: RAM
        only.
        """
        self._key = hashed(key.encode())
        self.ram_bytes = ram_bytes
        self._disk_bytes = disk_bytes
        self._files = StateFiles(directory, disk_bytes) if directory is not None else None
        self._index: PrefixIndex[_Entry] = PrefixIndex()
        self._uses = count(1)
        self._seen: set[str] = set()
        self._scanned: int | None = None
        self._writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="states")
        self._writing: list[tuple[_Entry, Future[bool]]] = []
        if self._files is not None:
            self._files.clean()

    def find(self, tokens: Sequence[int]) -> StoredState | None:
        """Return the state that shares the longest beginning with a prompt, if there is any.

        The shortest of several such states. Reads no blob.
        """
        self._settle()
        self._look_at_disk()
        nearest = self._index.nearest(pack(tokens))
        if nearest is None:
            return None
        entry, common = nearest
        return StoredState(
            common=common,
            length=len(entry.tokens) // TOKEN_BYTES,
            size=entry.size,
            in_ram=entry.blob is not None,
            tokens=entry.tokens,
        )

    def load(self, found: StoredState) -> Blob | None:
        """Return the blob of a state; ``None``, and forget it, if it has vanished or is damaged."""
        entry = self._index.get(found.tokens)
        if entry is None:
            return None
        entry.used = next(self._uses)
        if entry.blob is not None:
            if self._files is not None and entry.on_disk:
                self._files.touch(entry.name)
            return entry.blob
        # It stays out of RAM, because the KV cache has it now.
        blob = self._files.blob(entry.name) if self._files is not None else None
        if blob is None:
            self._index.remove(entry.tokens)
        return blob

    def put(self, tokens: Sequence[int], blob: Blob) -> None:
        """Store the state of these tokens, replacing the one of a prefix.

        The blob itself is kept, not a copy: it must not change afterwards. Nothing happens if a
        state whose tokens begin with these exists already.
        """
        self._settle()
        packed = pack(tokens)
        if not packed:
            return
        entry = self._index.covering(packed)
        if entry is None:
            size = memoryview(blob).nbytes
            entry = _Entry(file_name(self._key, packed), self._key, packed, size, blob)
            self._add(entry)
        elif entry.tokens == packed and entry.blob is None:
            entry.blob = blob
        entry.used = next(self._uses)
        self._shrink()

    def flush(self) -> None:
        """Write states that are only in RAM to disk, the most recently used up to the limit."""
        while self._writing:
            self._finish(*self._writing.pop(0))
        files = self._files
        if files is None:
            return
        unwritten = [entry for entry in self._in_ram() if self._should_be_written(entry)]
        left_out = beyond(self._disk_bytes, [(entry, entry.size) for entry in unwritten])
        for entry in unwritten:
            if entry in left_out or entry.blob is None:
                continue
            if files.write(entry.key, entry.tokens, entry.blob):
                self._written(entry)

    def rekey(self, key: str) -> None:
        """Switch to states of another key: the present ones leave RAM and are not found any more.

        Worthwhile ones are written to disk, where the old key will find them again.
        """
        hashed_key = hashed(key.encode())
        if hashed_key == self._key:
            return
        self._settle()
        for entry in self._in_ram():
            if self._should_be_written(entry):
                self._start_writing(entry)
        self._key = hashed_key
        self._index = PrefixIndex()
        self._seen = set()
        self._scanned = None

    def _add(self, entry: _Entry) -> None:
        """Add a state that no other covers, replacing that of a prefix."""
        shorter = self._index.add(entry.tokens, entry)
        if shorter is not None:
            self._replace(entry, shorter.name if shorter.on_disk else shorter.replaced)

    def _replace(self, entry: _Entry, shorter: str | None) -> None:
        """Remove the file of an entry's prefix, but not before the entry has one itself."""
        if shorter is None or self._files is None:
            return
        if entry.on_disk or entry.replaced is not None:
            self._files.remove(shorter)
        else:
            entry.replaced = shorter

    def _in_ram(self) -> list[_Entry]:
        """Return the states in RAM that are not being written, the least recently used first."""
        writing = {id(entry) for entry, _ in self._writing}
        in_ram = [
            entry
            for entry in self._index.values()
            if entry.blob is not None and id(entry) not in writing
        ]
        return sorted(in_ram, key=lambda entry: entry.used)

    def _should_be_written(self, entry: _Entry) -> bool:
        long_enough = len(entry.tokens) >= WORTHWHILE * TOKEN_BYTES
        return self._files is not None and long_enough and not entry.on_disk

    def _shrink(self) -> None:
        """Reduce RAM below its limit."""
        in_ram = self._in_ram()
        gone = beyond(self.ram_bytes, [(entry, entry.size) for entry in in_ram])
        for entry in gone:
            if self._should_be_written(entry):
                self._start_writing(entry)
            elif entry.on_disk:
                entry.blob = None
            else:
                self._lose(entry)
        kept = sum(entry.size for entry in in_ram if entry not in gone)
        while len(self._writing) > 1 and kept + self._writing_bytes() > self.ram_bytes:
            self._finish(*self._writing.pop(0))

    def _writing_bytes(self) -> int:
        return sum(entry.size for entry, _ in self._writing)

    def _start_writing(self, entry: _Entry) -> None:
        if self._files is not None and entry.blob is not None:
            write = self._files.write
            future = self._writer.submit(write, entry.key, entry.tokens, entry.blob)
            self._writing.append((entry, future))

    def _settle(self) -> None:
        """Register the files written meanwhile."""
        while self._writing and self._writing[0][1].done():
            self._finish(*self._writing.pop(0))

    def _finish(self, entry: _Entry, future: Future[bool]) -> None:
        """Wait until a state is written, then free its memory."""
        success = future.result()
        entry.blob = None
        if success:
            self._written(entry)
        else:
            self._lose(entry)

    def _written(self, entry: _Entry) -> None:
        entry.on_disk = True
        shorter, entry.replaced = entry.replaced, None
        self._replace(entry, shorter)

    def _lose(self, entry: _Entry) -> None:
        """Forget a state that is stored nowhere; its prefix may still be on disk."""
        if self._index.get(entry.tokens) is entry:
            self._index.remove(entry.tokens)
        if entry.replaced is not None:
            self._seen.discard(entry.replaced)
            self._scanned = None

    def _look_at_disk(self) -> None:
        """Find out which files have come and gone since the last look, in any process."""
        if self._files is None or (changed := self._files.changed()) == self._scanned:
            return
        self._scanned = changed
        names = self._files.names(self._key)
        for entry in self._index.values():
            if entry.on_disk and entry.name not in names:
                entry.on_disk = False
                if entry.blob is None:
                    self._index.remove(entry.tokens)
        for name in names - self._seen:
            self._learn(self._files, name)
        self._seen = names

    def _learn(self, files: StateFiles, name: str) -> None:
        """Add the state in a file to the index."""
        header = files.tokens(name)
        if header is None:
            return
        tokens, size = header
        entry = self._index.covering(tokens)
        if entry is None:
            self._add(_Entry(name, self._key, tokens, size, on_disk=True))
        elif entry.tokens == tokens:
            entry.on_disk = True
        elif entry.replaced != name:
            self._replace(entry, name)
