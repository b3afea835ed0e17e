"""States of conversations that left the KV cache, or are written behind: in RAM and on disk."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from localqwq.engine.states.files import PieceHeader, StateFiles, file_name
from localqwq.engine.states.limits import DAILY_BYTES, QUIET_S
from localqwq.engine.states.packed import beyond, pack
from localqwq.engine.states.pieces import NO_PARENT, Blob, Piece, PieceTree, hashed, uses

WORTHWHILE = 128
"""Minimum tokens of a conversation on disk: fewer are quickly prefilled again."""

Save = Callable[[int, int], Blob]
"""Returns the state of the tokens from one position up to another; empty if that failed."""


@dataclass(frozen=True, slots=True)
class StoredState:
    """A state that shares its beginning with a prompt."""

    common: int
    """Tokens shared with the beginning of the prompt; at least one."""
    pieces: tuple[Piece, ...] = field(repr=False)
    """The chain that has them; the last one may have more."""

    @property
    def length(self) -> int:
        """Tokens up to the end of the last piece."""
        return self.pieces[-1].end


@dataclass(eq=False, slots=True)
class _Writing:
    """A piece on its way to disk."""

    piece: Piece
    keep: bool
    """Whether its state stays in RAM afterwards."""
    future: "Future[bool]"


class StateStore:
    """States as chains of pieces by their tokens, with separate byte limits for RAM and disk.

    The least recently used chains move from RAM to disk, their ends first, and are deleted from
    there in the same order. For one thread; another writes the files, since that takes seconds:
    during a write, one piece at most exceeds the RAM limit. If the disk is full or read-only,
    nothing is kept there.
    """

    def __init__(
        self,
        *,
        key: str,
        ram_bytes: int,
        directory: Path | None,
        disk_bytes: int,
        daily_bytes: int = DAILY_BYTES,
        quiet_s: float = QUIET_S,
    ) -> None:
        """Set up; ``key`` covers everything that makes states incompatible; no ``directory``: RAM
        only. The others are those of :class:`StateLimits`.
        """
        self._key = hashed(key.encode())
        self.ram_bytes = ram_bytes
        self.quiet_s = quiet_s
        """Seconds without a request until what is only in the cache or in RAM goes to disk."""
        self._disk_bytes = disk_bytes
        self._files = StateFiles(directory, disk_bytes, daily_bytes) if directory else None
        self._tree = PieceTree()
        self._uses = count(1)
        self._seen: set[str] = set()
        self._scanned: int | None = None
        self._orphans: dict[str, list[PieceHeader]] = {}
        """Pieces on disk whose parent is not known, by its id."""
        self._writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="states")
        self._writing: list[_Writing] = []
        self.failures = 0
        """Pieces that could not be written."""
        if self._files is not None:
            self._files.clean()

    @property
    def persistent(self) -> bool:
        """Whether states go to disk."""
        return self._files is not None

    @property
    def busy(self) -> bool:
        """Whether a piece is being written."""
        self._settle()
        return bool(self._writing)

    def find(self, tokens: Sequence[int]) -> StoredState | None:
        """Return the state that shares the longest beginning with a prompt, if there is any.

        Reads no blob.
        """
        self._settle()
        self._look_at_disk()
        last, common = self._tree.nearest(pack(tokens))
        return None if last is None else StoredState(common, tuple(last.chain()))

    def load(self, found: StoredState, start: int, end: int) -> Iterator[tuple[Piece, int, Blob]]:
        """Yield the pieces with these tokens of a state, where the use of each ends, and their
        blobs.

        Ends early at one that has vanished or is damaged, which is forgotten with all behind it.
        """
        used = list(uses(found.pieces, end))
        self._use([piece for piece, _ in used])
        for piece, piece_end in used:
            if piece_end <= start:
                continue
            if piece not in self._tree:
                return
            # What comes from disk stays out of RAM, because the KV cache has it now.
            blob = piece.blob
            if blob is None and self._files is not None:
                blob = self._files.blob(self._name(piece))
            if blob is None:
                self._tree.remove(piece)
                return
            yield piece, piece_end, blob

    def put(self, tokens: Sequence[int], save: Save, most: int) -> None:
        """Keep the state of these tokens in RAM, in pieces of at most ``most`` tokens.

        Blobs are kept as they are, not copied: they must not change afterwards.
        """
        self._settle()
        self._look_at_disk()
        chain = self._tree.cover(pack(tokens), most)
        self._use(chain)
        for piece, end in list(uses(chain, len(tokens))):
            if piece.blob is None and end == piece.end:
                if not self._take(piece, save):
                    return
                self._shrink()

    def write_next(self, tokens: Sequence[int], save: Save, most: int) -> bool:
        """Start writing the next piece of a state that is not on disk; return whether there was one
        that the limits admit.
        """
        self._settle()
        self._look_at_disk()
        chain = self._tree.cover(pack(tokens), most)
        if self._files is None or not chain or chain[-1].end < WORTHWHILE:
            return False
        missing = (one for one in chain if not one.on_disk and self._write_of(one) is None)
        piece = next(missing, None)
        if piece is None:
            return False
        if piece.blob is not None:
            return self._start_writing(piece, keep=True)
        self._stamp(chain)
        if not self._take(piece, save):
            return False
        started = self._start_writing(piece, keep=False)
        if not started:
            self._tree.remove(piece)
        return started

    def write_next_in_ram(self) -> bool:
        """Start writing a piece that is only in RAM, one of the most recently used conversation;
        return whether there was one that the limits admit.
        """
        self._settle()
        unwritten = [piece for piece in self._in_ram() if self._should_be_written(piece)]
        return bool(unwritten) and self._start_writing(unwritten[-1], keep=True)

    def flush(self) -> None:
        """Write what is only in RAM to disk, the most recently used up to the limit."""
        self.wait()
        unwritten = [piece for piece in self._in_ram() if self._should_be_written(piece)]
        left_out = beyond(self._disk_bytes, [(piece, piece.size) for piece in unwritten])
        for piece in unwritten:
            if piece not in left_out:
                self._start_writing(piece, keep=True)
        self.wait()

    def rekey(self, key: str) -> None:
        """Switch to states of another key: the present ones leave RAM and are not found any more.

        Worthwhile ones are written to disk, where the old key will find them again.
        """
        hashed_key = hashed(key.encode())
        if hashed_key == self._key:
            return
        self._settle()
        for piece in self._in_ram():
            if self._should_be_written(piece):
                self._start_writing(piece, keep=False)
        self._key = hashed_key
        self._tree = PieceTree()
        self._seen = set()
        self._scanned = None
        self._orphans = {}

    def _name(self, piece: Piece) -> str:
        return file_name(self._key, piece.id)

    def _stamp(self, chain: Sequence[Piece]) -> None:
        """Note that a chain is used now."""
        used = next(self._uses)
        for piece in chain:
            piece.used = used
            piece.reach = max(piece.reach, chain[-1].end)

    def _use(self, chain: Sequence[Piece]) -> None:
        """Note it on disk, too."""
        self._stamp(chain)
        if self._files is not None:
            self._files.touch([self._name(piece) for piece in chain if piece.on_disk])

    def _take(self, piece: Piece, save: Save) -> bool:
        """Save a piece's state to RAM; return False if that failed or its parent is gone."""
        if piece.parent is not None and piece.parent not in self._tree:
            return False
        blob = save(piece.start, piece.end)
        size = memoryview(blob).nbytes
        if not size:
            return False
        piece.blob, piece.size = blob, size
        if piece not in self._tree:
            self._add(piece)
        return True

    def _in_ram(self) -> list[Piece]:
        """Return the pieces in RAM that are to stay there, in order of eviction."""
        leaving = {one.piece.id for one in self._writing if not one.keep}
        in_ram = [one for one in self._tree if one.blob is not None and one.id not in leaving]
        return sorted(in_ram, key=lambda piece: (piece.used, -piece.start))

    def _should_be_written(self, piece: Piece) -> bool:
        unwritten = not piece.on_disk and self._write_of(piece) is None
        return self._files is not None and piece.reach >= WORTHWHILE and unwritten

    def _shrink(self) -> None:
        """Reduce RAM below its limit."""
        in_ram = self._in_ram()
        gone = beyond(self.ram_bytes, [(piece, piece.size) for piece in in_ram])
        for piece in gone:
            self._evict(piece)
        kept = sum(piece.size for piece in in_ram if piece not in gone)
        while len(self._writing) > 1 and kept + self._writing_bytes() > self.ram_bytes:
            self._finish(self._writing.pop(0))

    def _evict(self, piece: Piece) -> None:
        """Move a piece from RAM to disk, or forget it."""
        writing = self._write_of(piece)
        if writing is not None:
            writing.keep = False
        elif piece.on_disk:
            piece.blob = None
        elif not (self._should_be_written(piece) and self._start_writing(piece, keep=False)):
            self._tree.remove(piece)

    def _writing_bytes(self) -> int:
        return sum(one.piece.size for one in self._writing)

    def _write_of(self, piece: Piece) -> _Writing | None:
        """Return the write of a piece that is on its way."""
        return next((one for one in self._writing if one.piece is piece), None)

    def _start_writing(self, piece: Piece, *, keep: bool) -> bool:
        """Write a piece, and before it those of its chain that are not on disk, which stay in RAM;
        return False if a limit forbids it.
        """
        files, chain = self._files, piece.chain()
        if files is None or sum(one.size for one in chain) > self._disk_bytes:
            return False
        if not files.accepts(piece.size):
            return False
        names: list[str] = []
        before: Future[bool] | None = None
        for one in chain:
            writing = self._write_of(one)
            if writing is None and not one.on_disk and one.blob is not None:
                header = PieceHeader(self._key, one.parent_id, one.start, one.tokens, one.size)
                future = self._writer.submit(_write, files, header, one.blob, tuple(names), before)
                writing = _Writing(one, keep or one is not piece, future)
                self._writing.append(writing)
            before = None if writing is None else writing.future
            names.append(self._name(one))
        return True

    def _settle(self) -> None:
        """Register the pieces written meanwhile."""
        while self._writing and self._writing[0].future.done():
            self._finish(self._writing.pop(0))

    def wait(self) -> None:
        """Wait until nothing is being written."""
        while self._writing:
            self._finish(self._writing.pop(0))

    def _finish(self, writing: _Writing) -> None:
        """Wait until a piece is written, then free its memory unless it stays."""
        piece = writing.piece
        success = writing.future.result()
        self.failures += not success
        piece.on_disk = success or piece.on_disk
        if writing.keep:
            return
        piece.blob = None
        if not piece.on_disk:
            self._tree.remove(piece)

    def _look_at_disk(self) -> None:
        """Find out which files have come and gone since the last look, in any process."""
        if self._files is None or (changed := self._files.changed()) == self._scanned:
            return
        self._scanned = changed
        names = self._files.names(self._key)
        for piece in self._tree:
            if piece.on_disk and self._name(piece) not in names:
                piece.on_disk = False
                if piece.blob is None:
                    self._tree.remove(piece)
        for name in names - self._seen:
            header = self._files.header(name)
            if header is not None:
                self._learn(header)
        self._seen = names

    def _learn(self, header: PieceHeader) -> None:
        """Add a piece on disk to the tree, or keep it until its parent is there."""
        known = self._tree.get(header.id)
        if known is not None:
            known.on_disk = True
            return
        parent = self._tree.get(header.parent)
        if header.parent != NO_PARENT and parent is None:
            self._orphans.setdefault(header.parent, []).append(header)
            return
        piece = Piece(header.start, header.tokens, parent, size=header.size, on_disk=True)
        if piece.follows_its_parent:
            self._add(piece)

    def _add(self, piece: Piece) -> None:
        """Add a piece to the tree, and those on disk that have waited for it."""
        self._tree.add(piece)
        waiting = [piece.id]
        while waiting:
            for header in self._orphans.pop(waiting.pop(), []):
                parent = self._tree.get(header.parent)
                child = Piece(header.start, header.tokens, parent, size=header.size, on_disk=True)
                if child.follows_its_parent and self._tree.get(child.id) is None:
                    self._tree.add(child)
                    waiting.append(child.id)


def _write(
    files: StateFiles,
    header: PieceHeader,
    blob: Blob,
    ancestors: tuple[str, ...],
    before: "Future[bool] | None",
) -> bool:
    """Write a piece unless the one before it could not be written."""
    if before is not None and not before.result():
        return False
    return files.write(header, blob, ancestors)
