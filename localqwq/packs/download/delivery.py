"""Downloading the files of one quantization into a private folder."""

import hashlib
import os
import shutil
import threading
from dataclasses import dataclass, replace
from pathlib import Path

from localqwq.gguf.split import part_name
from localqwq.packs.download.chunks import journal_path
from localqwq.packs.download.file_download import Download, Stopped, forget
from localqwq.packs.download.meter import Meter
from localqwq.packs.download.transfer import Resource, SourceFailed
from localqwq.packs.sources.listing import Listing, RemoteFile
from localqwq.packs.store.staging import bring

READY = "ready"
"""Subfolder for complete files, inside that of the unfinished ones."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """A file that has arrived and been verified."""

    path: Path
    bytes: int
    sha256: str


class _Damaged(SourceFailed):
    """A file on this machine that does not match its checksum."""


class Delivery:
    """Collect the files of ``quant`` in ``folder``, which this process has locked.

    File names are made here or come from a checked manifest, never from a source.
    """

    def __init__(self, listing: Listing, name: str, quant: str, folder: Path) -> None:
        files = listing.quants[quant]
        names = (
            [file.name for file in files]
            if listing.manifest is not None
            else file_names(name, quant, len(files))
        )
        self._files = tuple(zip(names, files, strict=True))
        self._folder = folder
        self.ready = folder / READY
        """The folder of complete files."""

    def missing(self) -> int:
        """Return the bytes that have yet to be written to this disk."""
        disk = self._folder.stat().st_dev
        total = 0
        for name, file in self._files:
            if isinstance(file.place, Resource):
                partial = self._partial(name, file)
                there = partial.stat().st_blocks * 512 if partial.exists() else 0
            else:
                there = file.bytes if file.place.stat().st_dev == disk else 0
            total += max(0, file.bytes - there)
        return total

    def collect(self, meter: Meter, stop: threading.Event) -> list[Delivered]:
        """Download all files into ``ready`` and return them, the first part first.

        Raises:
            Stopped: ``stop`` was set.
            SourceFailed: a file cannot be downloaded from its source.
            LocalqwqError: it cannot be written.
        """
        self._go_on()
        return [self._collected(name, file, meter, stop) for name, file in self._files]

    def _collected(
        self, name: str, file: RemoteFile, meter: Meter, stop: threading.Event
    ) -> Delivered:
        target = self.ready / name
        if isinstance(file.place, Resource):
            partial = self._partial(name, file)
            digest = Download(file, partial, meter, stop).run()
            try:
                os.link(partial, target)
            except OSError:  # a disk without hard links
                partial.replace(target)
            return Delivered(target, file.bytes, digest)
        try:
            digest = _brought(file, file.place, target, meter, stop)
        except _Damaged as damaged:
            if file.otherwise is None:
                raise
            target.unlink()
            meter.note(f"{damaged}: downloading it instead.")
            return self._collected(name, replace(file, place=file.otherwise), meter, stop)
        return Delivered(target, file.bytes, digest)

    def has_begun(self) -> bool:
        """Return whether any of it was downloaded before."""
        return any(journal_path(self._partial(name, file)).exists() for name, file in self._files)

    def discard(self) -> None:
        """Delete the files of this delivery, and nothing else in the folder."""
        for name, file in self._files:
            if isinstance(file.place, Resource) or file.otherwise is not None:
                forget(self._partial(name, file))
        shutil.rmtree(self.ready, ignore_errors=True)

    def _go_on(self) -> None:
        """Undo an unfinished installation by a process that was killed."""
        for name, file in self._files:
            partial, complete = self._partial(name, file), self.ready / name
            if complete.exists() and journal_path(partial).exists() and not partial.exists():
                complete.replace(partial)
        shutil.rmtree(self.ready, ignore_errors=True)
        self.ready.mkdir()

    def _partial(self, name: str, file: RemoteFile) -> Path:
        identity = hashlib.sha256(file.identity.encode()).hexdigest()[:12]
        return self._folder / f"{name}.{identity}.partial"


def file_names(name: str, quant: str, count: int) -> list[str]:
    """Return the file names of a model in ``count`` parts inside a pack."""
    stem = f"{name}-{quant}"
    if count == 1:
        return [f"{stem}.gguf"]
    return [part_name(stem, number, count) for number in range(1, count + 1)]


def _brought(
    file: RemoteFile, place: Path, target: Path, meter: Meter, stop: threading.Event
) -> str:
    """Link or copy a file from this machine and return its SHA-256."""
    counted = 0

    def progress(done: int, total: int) -> None:
        nonlocal counted
        if stop.is_set():
            raise Stopped
        meter.found(done - counted)
        counted = done

    digest = bring(place, target, progress)
    if file.sha256 not in (None, digest):
        meter.found(-counted)
        raise _Damaged(f"{place} does not match the SHA-256 stated for it")
    return digest
