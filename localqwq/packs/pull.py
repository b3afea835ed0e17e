"""Getting a pack: choosing, downloading, verifying, and only then installing it.

Everything unfinished is in ``.downloads`` inside the store, one folder per model, so that an
interrupted pull can always be resumed.
"""

import os
import shutil
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from localqwq.errors import FileProblem, LocalqwqError
from localqwq.gguf.split import parse_part_name
from localqwq.hardware.awake import Awake
from localqwq.locations import packs_directory
from localqwq.packs.choice import Choice, Choose, ChooseUsual
from localqwq.packs.description import describe
from localqwq.packs.download.addresses import AddressRefused
from localqwq.packs.download.delivery import READY, Delivery
from localqwq.packs.download.disk_space import check_room
from localqwq.packs.download.file_download import Stopped
from localqwq.packs.download.meter import Meter, Progress
from localqwq.packs.download.retry import ATTEMPTS, Patience
from localqwq.packs.download.transfer import Interrupted, Offline, SourceFailed
from localqwq.packs.download.unfinished import (
    Unfinished,
    begun,
    discard,
    folder_of,
    forget_source,
    remember,
    remembered,
)
from localqwq.packs.manifest import checked_name
from localqwq.packs.preflight import expect_installable
from localqwq.packs.sources.listing import Listing, RemoteFile
from localqwq.packs.sources.remote_header import peek
from localqwq.packs.sources.repository import which
from localqwq.packs.sources.request import Place, Wish, understand
from localqwq.packs.store.incoming import pack_name
from localqwq.packs.store.lock import take
from localqwq.packs.store.store import InstalledModel, Store
from localqwq.settings.wakefulness import keeps_awake
from localqwq.sizes import readable_size

_FEW_ASKS = 3
"""How often a source is asked what it has where another one may have it, too, or where this
machine seems to have no network: nothing has come yet that would be lost.
"""


class PullStopped(LocalqwqError):
    """``stop`` was set: what arrived is kept, and the same call resumes."""


@dataclass(frozen=True, slots=True)
class Installed:
    """The result of a pull."""

    models: tuple[InstalledModel, ...]
    source: str
    """Where it came from; empty if it was installed already."""
    why: str
    """Why this quantization was chosen; empty if it was not chosen here."""
    fetched: int
    """Bytes received over the network."""


def pull(
    spec: str,
    *,
    origin: str | None = None,
    revision: str | None = None,
    name: str | None = None,
    choose: Choose | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    stop: threading.Event | None = None,
) -> Installed:
    """Make sure a model is in the store, downloading it if needed.

    A repeated call resumes whatever interrupted the last one. Concurrent calls for the same model,
    from any process, wait for the first.

    Args:
        spec: ``name``, ``name:QUANT``, ``hf:owner/repo:QUANT``, ``ms:…``, a URL or a path.
        origin: ``huggingface``, ``modelscope``, a URL or a folder.
        revision: branch, tag or commit of a repository.
        name: what the pack is to be called, instead of what its source or the catalogue call it.
        choose: picks the quantization where ``spec`` names none.
        on_progress: told how far it is, some ten times a second, in this thread.
        stop: ends it soon after it is set.

    Raises:
        PullStopped: ``stop`` was set.
        LocalqwqError: it cannot be downloaded; the sentence says why and what to do.
    """
    wish = _understood(spec, origin, revision)
    if name is not None:
        wish = replace(wish, name=checked_name(name))
    one = _Pull(wish, choose or ChooseUsual(), Meter(spec, on_progress), stop or threading.Event())
    try:
        with Awake(keeps_awake).during(f"{spec} is downloaded"):
            return one.run()
    except Stopped as stopped:
        raise PullStopped(f"{spec} is paused: pull it again to resume.") from stopped


def _understood(spec: str, origin: str | None, revision: str | None) -> Wish:
    """Return what a spec asks for; the name of an unfinished download repeats its request."""
    try:
        return replace(understand(spec, origin, revision), revision=revision)
    except LocalqwqError:
        known = remembered(packs_directory(), spec) if origin is None else None
        if known is None:
            raise
        one, source, its_revision = known
        revision = revision or its_revision
        wish = understand(source, None, revision)
        return replace(wish, name=one.name, quant=one.quant, revision=revision)


class _Pull:
    def __init__(self, wish: Wish, choose: Choose, meter: Meter, stop: threading.Event) -> None:
        self._wish = wish
        self._choose = choose
        self._meter = meter
        self._stop = stop
        self._store = Store(packs_directory())
        self._why = ""
        self._folder: Path | None = None
        """The folder of the unfinished download, once there is one."""

    def run(self) -> Installed:
        wish = self._wish
        quant = wish.quant
        if quant is None and wish.entry is not None and wish.anywhere:
            quant = self._begun(wish.name or wish.entry.name, wish.entry.quants)
            quant = quant or self._chosen(self._choose.of_entry(wish.entry))
        if quant and wish.name and wish.anywhere and (there := self._installed(wish.name, quant)):
            with suppress(LocalqwqError):  # another process is downloading it
                discard(self._store.root, Unfinished(wish.name, quant, 0))
            return Installed(there, "", self._why, 0)
        if quant is not None:
            wish.expect_listed(quant)
        failures: list[tuple[str, Exception]] = []
        unsaid: list[str] = []
        places = wish.places_of(quant)
        for place in places:
            try:
                listing = self._asked(place, ATTEMPTS if place is places[-1] else _FEW_ASKS)
                for note in (*unsaid, *listing.notes):
                    self._meter.note(note)
                if quant is None and listing.several:
                    asked = which(listing.label, listing.source, listing.several)
                    raise SourceFailed(f"it has several models: {asked}")
                quant = quant or self._of_listing(listing)
                if problem := listing.problems.get(quant):
                    raise SourceFailed(f"{listing.source} {problem}")
                if quant not in listing.quants:
                    has = ", ".join(listing.quants)
                    raise SourceFailed(f"{listing.source} has no {quant}, only {has}")
                return self._had(listing, quant)
            except (SourceFailed, AddressRefused) as failed:
                failures.append((place.source.label, failed))
                note = f"{place.source.label}: {_clause(failed)}."
                if isinstance(failed.__cause__, Offline):
                    unsaid.append(note)  # the error says it, unless another source answers
                elif place is not places[-1]:
                    self._meter.note(note)
        raise self._failure(failures)

    def _failure(self, failures: list[tuple[str, Exception]]) -> LocalqwqError:
        """Return the error that sums up the failures of all places, and what can be done."""
        if len(failures) == 1:
            [(label, failed)] = failures
            words = f"{self._wish.spec} cannot be downloaded from {label}: {_clause(failed)}."
        else:
            said = dict.fromkeys(f"{label}: {_clause(failed)}" for label, failed in failures)
            words = f"{self._wish.spec} cannot be downloaded. {'; '.join(said)}."
        if self._folder is not None and any(self._folder.glob("*.partial")):
            words += " What has arrived is kept: pull again to resume."
        elif any(isinstance(failed.__cause__, Interrupted) for _, failed in failures):
            words += " Pull it again later."
        return LocalqwqError(words)

    def _chosen(self, choice: Choice) -> str:
        self._why = choice.why
        self._meter.note(choice.why)
        return choice.quant

    def _begun(self, name: str, quants: Collection[str]) -> str | None:
        """Return the one of these quantizations that an earlier pull has begun, if there is one.

        A new choice would depend on the memory that is free now, and might start a second file.
        """
        for one in begun(self._store.root, name):
            if one.quant in quants:
                here = readable_size(one.bytes)
                why = f"Resuming the interrupted download of {one.spec} ({here} downloaded)."
                return self._chosen(Choice(one.quant, why))
        return None

    def _of_listing(self, listing: Listing) -> str:
        if len(listing.quants) == 1:
            return next(iter(listing.quants))
        if quant := self._begun(self._name(listing, ""), listing.quants):
            return quant
        sizes = {quant: listing.bytes(quant) for quant in listing.quants}
        return self._chosen(self._choose.of_files(sizes, lambda quant: peek(listing.quants[quant])))

    def _asked(self, place: Place, attempts: int) -> Listing:
        """Return what a source has, asking up to so many times in a row."""
        patience, offline = Patience(attempts), 0
        self._meter.stage("asking")
        while True:
            if self._stop.is_set():
                raise Stopped
            try:
                return place.source.listing(place.wanted)
            except Interrupted as interrupted:
                offline += isinstance(interrupted, Offline)
                delay = patience.delay(interrupted.after)
                if delay is None or offline >= _FEW_ASKS:
                    raise SourceFailed(str(interrupted)) from interrupted
                if delay and not isinstance(interrupted, Offline):
                    self._meter.note(f"{interrupted}: asking again in {delay:.0f} s.")
                if self._stop.wait(delay):
                    raise Stopped from interrupted

    def _name(self, listing: Listing, quant: str) -> str:
        """Return the name for the pack: the user's first, then the pack's own."""
        if self._wish.name is not None:
            return self._wish.name
        if listing.manifest is not None:
            return listing.manifest.name
        return self._wish.usual_name or _name_of(listing, quant)

    def _had(self, listing: Listing, quant: str) -> Installed:
        """Return the quantization, downloaded and installed by this process or another."""
        name = self._name(listing, quant)
        with self._held(name, quant) as folder:
            self._folder = folder
            there = self._installed(name, quant)
            if there and (self._wish.anywhere or _is_same(there[0], listing.quants[quant])):
                shutil.rmtree(folder, ignore_errors=True)  # left by a killed process
                return Installed(there, "", self._why, 0)
            delivery = Delivery(listing, name, quant, folder)
            self._meter.begin(f"{name}:{quant}", listing.label, listing.bytes(quant))
            if not delivery.has_begun():
                expect_installable(self._store, name, quant, listing, self._wish.entry)
            check_room(f"{name}:{quant}", delivery.missing(), folder)
            if self._wish.entry is None:
                remember(folder, self._wish.spec, self._wish.revision)
            delivered = delivery.collect(self._meter, self._stop)
            self._meter.stage("installing")
            if any(file.sha256 is None for file in listing.quants[quant]):
                self._meter.note(
                    f"{listing.label} has no checksum for {name}:{quant}: only its size and "
                    "its header were checked."
                )
            try:
                manifest = describe(delivered, listing, name, quant, self._wish.entry)
            except LocalqwqError as error:  # it is the promised content, and unusable all the same
                delivery.discard()
                if isinstance(error, FileProblem):
                    error = error.named(Path(str(error.path)).name)
                raise SourceFailed(str(error)) from error
            models = self._store.place(delivery.ready, manifest)
            shutil.rmtree(folder, ignore_errors=True)
            return Installed(tuple(models), listing.label, self._why, self._meter.fetched)

    def _installed(self, name: str, quant: str) -> tuple[InstalledModel, ...]:
        return tuple(
            model for model in self._store.installed() if (model.name, model.quant) == (name, quant)
        )

    @contextmanager
    def _held(self, name: str, quant: str) -> Iterator[Path]:
        """Yield the folder for unfinished data, once no other process works on it."""
        folder = folder_of(self._store.root, name, quant)
        while (handle := _take(folder)) is None:
            self._meter.stage("waiting")
            if self._stop.wait(0.1):
                raise Stopped
        try:
            yield folder
        finally:
            forget_source(folder)
            for empty in (folder / READY, folder):
                with suppress(OSError):  # a folder that is not empty is kept for the next time
                    empty.rmdir()
            os.close(handle)


def _clause(failed: Exception) -> str:
    return str(failed).removesuffix(".")


def _name_of(listing: Listing, quant: str) -> str:
    files = listing.quants.get(quant) or next(iter(listing.quants.values()))
    first = files[0].name
    part = parse_part_name(first)
    return pack_name(part[0] if part else first.removesuffix(".gguf"), quant)


def _is_same(model: InstalledModel, files: tuple[RemoteFile, ...]) -> bool:
    return [file.sha256 for file in model.files] == [file.sha256 for file in files]


def _take(folder: Path) -> int | None:
    """Lock an existing folder; return ``None`` if another process has it."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        handle = take(folder)
        if handle is not None and not os.path.samestat(os.fstat(handle), folder.stat()):
            os.close(handle)  # its owner has removed it
            return None
    except FileNotFoundError:
        return None
    return handle
