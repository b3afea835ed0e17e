"""Downloading one file: each byte counted once, verified as it arrives, resumable."""

import hashlib
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from localqwq.errors import LocalqwqError
from localqwq.packs.download.chunks import Chunk, Chunks, Journal, journal_path
from localqwq.packs.download.direct_file import Output
from localqwq.packs.download.hashing_writer import Sink
from localqwq.packs.download.meter import Meter
from localqwq.packs.download.original import Original
from localqwq.packs.download.retry import Patience
from localqwq.packs.download.transfer import (
    BLOCK,
    Answer,
    Interrupted,
    LinkRefused,
    Resource,
    SourceFailed,
    WebPage,
    request,
)
from localqwq.packs.sources.listing import RemoteFile

_PARTIAL = 206
_RANGE = re.compile(r"bytes (\d{1,15})-(\d{1,15})/(\d{1,15})")
_SLOWEST = 1 << 10
"""Bytes per second; a server that is slower over ``_SLOW_S`` seconds is asked again."""
_SLOW_S = 60.0
_LINKS = 2
"""Maximum fresh links to its storage that a source is asked for in a row."""
_CANDIDATES = 3
"""How often the rest of a file is read to find out whether only one chunk is wrong."""


class _Changed(Exception):
    """The source now has a different file; the message is a clause for people."""


class Stopped(Exception):
    """The user stopped the download; what arrived is kept."""


class Download:
    """The download of a file to ``partial``, with its journal beside it."""

    def __init__(
        self, file: RemoteFile, partial: Path, meter: Meter, stop: threading.Event
    ) -> None:
        if not isinstance(file.place, Resource):
            raise TypeError(f"{file.path} needs no download")
        self._file = file
        self._resource: Resource = file.place
        self._partial = partial
        self._meter = meter
        self._stop = stop
        self._patience = Patience()
        self._chunks = Chunks.of(file.bytes)
        self._settle: Callable[[], None] = lambda: None
        self._found = 0
        """Bytes that were there already."""
        self._links = 0
        """Links of the source refused since data last arrived."""
        self._came = False
        """Whether anything was received."""

    def run(self) -> str:
        """Download the whole file to ``partial`` and return its SHA-256.

        Raises:
            Stopped: ``stop`` was set.
            SourceFailed: the source has a different file, refuses, or was silent for too long.
            LocalqwqError: the disk is full.
        """
        try:
            return self._run()
        except _Changed as changed:
            forget(self._partial)
            if self._came:
                raise SourceFailed(str(changed)) from changed
            self._meter.found(-self._found)
            return self._run()  # an earlier pull began with the old one

    def _run(self) -> str:
        try:
            with ExitStack() as stack:
                journal = stack.enter_context(Journal(journal_path(self._partial)))
                output = stack.enter_context(Output(self._partial))
                known = journal.read(self._file.identity, self._chunks)
                if not known:
                    journal.begin(self._file.identity)
                    if self._file.sha256 is None:
                        journal.add_version(self._file.version)
                    output.truncate(0)
                self._original = Original(self._resource, journal, output, self._stop)
                digest = self._complete(output, journal, known)
                if self._file.sha256 not in (None, digest):
                    digest = self._repaired(output)
                output.truncate(self._file.bytes)
                output.sync()
        except OSError as error:
            raise LocalqwqError(
                f"Cannot write {self._partial.parent}: {error.strerror or error}; what has arrived "
                "is kept: free some space and pull again."
            ) from error
        if self._file.sha256 not in (None, digest):
            forget(self._partial)
            raise SourceFailed(
                f"{self._file.name} does not match its SHA-256 checksum (choose another "
                "quantization or source)"
            )
        return digest

    def _complete(self, output: Output, journal: Journal, known: dict[int, Chunk]) -> str:
        """Read what is there and download what is not, in file order."""
        noted = sorted(known)
        with Sink(output, self._chunks, journal, known) as sink:
            self._settle = sink.settle
            index = 0
            while index < self._chunks.count:
                start = self._chunks.start(index)
                if index in noted:
                    start += self._kept(output, sink, index, known[index].length)
                index += 1
                if start < self._chunks.start(index):
                    while index < self._chunks.count and index not in noted:
                        index += 1
                    self._fetch(sink, start, self._chunks.start(index))
            return sink.finish()

    def _kept(self, output: Output, sink: Sink, index: int, length: int) -> int:
        """Return the bytes of a chunk that are on the disk and match the journal: all or none."""
        if self._stop.is_set():
            raise Stopped
        self._meter.stage("checking")
        data = output.read(length, self._chunks.start(index))
        if not sink.keep(index, data):
            return 0
        self._meter.found(length)
        self._found += length
        return length

    def _fetch(self, sink: Sink, start: int, end: int) -> None:
        self._meter.stage("downloading")
        for data in self._stream(start, end, sink.room):
            self._meter.came(len(data))
            self._came = True
            self._links = 0
            sink.feed(len(data))

    def _stream(self, start: int, end: int, room: Callable[[], memoryview]) -> Iterator[memoryview]:
        """Yield the file's bytes from the source, retrying as needed.

        They are written into ``room``, which is requested again for each piece.
        """
        while start < end:
            try:
                with self._asked(start, end) as answer:
                    for data in _steady(answer, end - start, room):
                        self._patience.progress()
                        start += len(data)
                        yield data
                        if self._stop.is_set():
                            raise Stopped
                if start < end:
                    raise Interrupted(f"the connection to {answer.address} was lost")
            except Interrupted as interrupted:
                self._wait(interrupted)

    def _wait(self, interrupted: Interrupted) -> None:
        if self._stop.is_set():
            raise Stopped from interrupted
        delay = self._patience.delay(interrupted.after)
        self._links += isinstance(interrupted, LinkRefused)
        if delay is None or self._links > _LINKS:
            raise SourceFailed(str(interrupted)) from interrupted
        if delay or interrupted.after is not None:
            self._meter.note(f"{interrupted}: trying again in {delay:.0f} s.")
        if self._stop.wait(delay):
            raise Stopped from interrupted

    @contextmanager
    def _asked(self, start: int, end: int) -> Iterator[Answer]:
        """Return the source's response from byte ``start`` on."""
        headers = {"Range": f"bytes={start}-{end - 1}"}
        changed = f"{self._file.name} changed at its source during the download (pull it again)"
        with request(self._resource, headers, self._stop) as answer:
            total, skipped = _extent(answer, start)
            if total != self._file.bytes:  # what was received is kept: the file may be back later
                raise WebPage(answer.address) if answer.is_page else SourceFailed(changed)
            if self._file.sha256 is None:
                self._settle()
                if not self._original.is_same(answer.version, start):
                    raise _Changed(changed)
            while skipped and (data := answer.read(min(skipped, BLOCK))):
                skipped -= len(data)
            yield answer

    def _repaired(self, output: Output) -> str:
        """Download the file again, replace bytes that differ, and stop as soon as the hash matches.

        Which chunk is wrong is unknown, but correct ones need not be replaced.
        """
        self._meter.stage("repairing")
        self._meter.note(f"{self._file.name} arrived with wrong bytes: downloading them again.")
        confirmed = hashlib.sha256()
        tries = _CANDIDATES
        block = memoryview(bytearray(BLOCK))
        for index in range(self._chunks.count):
            start, end = self._chunks.start(index), self._chunks.start(index + 1)
            fresh = b"".join(map(bytes, self._stream(start, end, lambda: block)))
            confirmed.update(fresh)
            if output.read(len(fresh), start) == fresh:
                continue
            written = 0
            while written < len(fresh):
                written += output.write(fresh[written:], start + written)
            if tries and self._with_rest(confirmed, output, end) == self._file.sha256:
                return str(self._file.sha256)
            tries -= bool(tries)
        return confirmed.hexdigest()

    def _with_rest(self, confirmed: "hashlib._Hash", output: Output, start: int) -> str:
        digest = confirmed.copy()
        while start < self._file.bytes:
            data = output.read(min(BLOCK, self._file.bytes - start), start)
            digest.update(data)
            start += len(data)
        return digest.hexdigest()


def forget(partial: Path) -> None:
    """Delete an unfinished file and its journal."""
    partial.unlink(missing_ok=True)
    journal_path(partial).unlink(missing_ok=True)


def _extent(answer: Answer, start: int) -> tuple[int, int]:
    """Return the size of the whole file, and how many bytes come before the requested one."""
    if answer.status == _PARTIAL:
        match = _RANGE.fullmatch(answer.headers.get("Content-Range", ""))
        if match is None or int(match[1]) != start:
            raise SourceFailed(f"{answer.address} sent a different part than requested")
        return int(match[3]), 0
    if answer.length is None and answer.is_page:
        raise WebPage(answer.address)
    if answer.length is None:
        raise SourceFailed(f"{answer.address} does not say how long the file is")
    return answer.length, start


def _steady(answer: Answer, most: int, room: Callable[[], memoryview]) -> Iterator[memoryview]:
    """Yield at most ``most`` bytes, as long as they arrive fast enough."""
    came, since = 0, time.monotonic()
    while most and (count := answer.fill(room()[:most])):
        most -= count
        came += count
        now = time.monotonic()
        if now - since >= _SLOW_S:
            if came < _SLOWEST * _SLOW_S:
                raise Interrupted(f"{answer.address} is sending almost nothing")
            came, since = 0, now
        yield room()[:count]
