"""Downloads that go on whatever screen is shown: begun, paused, gone on with, ended."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from localqwq.errors import LocalqwqError

if TYPE_CHECKING:
    from localqwq.packs.download.meter import Progress
    from localqwq.packs.download.unfinished import Unfinished
    from localqwq.packs.store.other_programs import ForeignModel
    from localqwq.packs.store.store import InstalledModel

State = Literal["running", "pausing", "paused", "failed", "done"]
AT_ONCE = 2
"""So many are under way; the others wait for their turn."""


@dataclass(slots=True)
class Download:
    """One model on its way here."""

    spec: str
    """What it was asked for as: ``name:QUANT``."""
    state: State = "running"
    progress: Progress | None = None
    """How far it is, changed from its thread; None before it has begun."""
    came: int = 0
    """Bytes that had come when it was last interrupted."""
    sentence: str = ""
    """Why it failed."""
    models: tuple[InstalledModel, ...] = ()
    """What it led to."""
    _stop: threading.Event = field(default_factory=threading.Event, repr=False)

    @property
    def is_active(self) -> bool:
        """Whether it is under way, or waits for its turn."""
        return self.state in ("running", "pausing")

    @property
    def done(self) -> int:
        """Bytes that are here."""
        told = self.progress.done if self.progress and self.progress.total else 0
        return told if told and self.is_active else max(told, self.came)


class Downloads:
    """All downloads of the app. Its methods are called from the event loop's thread."""

    def __init__(self, told: Callable[[Download], object]) -> None:
        """`told` takes each download whose state has changed."""
        self._told = told
        self._all: dict[str, Download] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._threads = ThreadPoolExecutor(AT_ONCE, "download")

    @property
    def all(self) -> Mapping[str, Download]:
        """Every download of this run of the app, by what it was asked for as."""
        return self._all

    def of(self, spec: str) -> Download | None:
        """The download of a model."""
        return self._all.get(spec)

    @property
    def active(self) -> list[Download]:
        """Those that are under way."""
        return [download for download in self._all.values() if download.is_active]

    @property
    def foremost(self) -> Download | None:
        """The one to tell of: the first under way, else the last of those begun by this app."""
        begun = [self._all[spec] for spec in self._tasks if spec in self._all]
        return next((one for one in begun if one.is_active), begun[-1] if begun else None)

    def recall(self, interrupted: Iterable[Unfinished]) -> None:
        """Take in what was interrupted before the app was started."""
        for one in interrupted:
            self._all.setdefault(one.spec, Download(one.spec, "paused", came=one.bytes))

    def start(self, spec: str) -> Download:
        """Begin to download a model, or go on with it; harmless while that is going on."""

        def work(download: Download) -> tuple[InstalledModel, ...]:
            from localqwq.packs.pull import pull

            def follow(progress: Progress) -> None:
                download.progress = progress

            return pull(spec, on_progress=follow, stop=download._stop).models

        return self._begin(spec, work)

    def adopt(self, model: ForeignModel) -> Download:
        """Begin to take over another program's model, which is read through for that."""

        def work(download: Download) -> tuple[InstalledModel, ...]:
            from localqwq.locations import packs_directory
            from localqwq.packs.download.meter import Progress
            from localqwq.packs.pull import PullStopped
            from localqwq.packs.store.store import Store

            def follow(done: int, total: int) -> None:
                if download._stop.is_set():
                    raise PullStopped(f"{model.spec} was not taken over.")
                download.progress = Progress(
                    "checking", model.spec, model.program, done=done, total=total
                )

            return tuple(Store(packs_directory()).adopt(model, follow))

        return self._begin(model.spec, work)

    def pause(self, spec: str) -> None:
        """End a download soon; what has come is kept."""
        download = self._all.get(spec)
        if download is not None and download.state == "running":
            download.state = "pausing"
            download._stop.set()
            self._told(download)

    def forget(self, spec: str) -> None:
        """A download that is not under way is no longer of interest."""
        download = self._all.get(spec)
        if download is not None and not download.is_active:
            del self._all[spec]

    async def close(self) -> None:
        """Pause all of them, and wait until what has come is safe."""
        for spec in list(self._all):
            self.pause(spec)
        await asyncio.gather(*self._tasks.values())
        self._threads.shutdown(wait=False)

    def _begin(self, spec: str, work: Callable[[Download], tuple[InstalledModel, ...]]) -> Download:
        known = self._all.get(spec)
        if known is not None and known.is_active:
            return known
        download = self._all[spec] = Download(spec, came=known.done if known else 0)
        self._tasks[spec] = asyncio.create_task(self._run(download, work))
        self._told(download)
        return download

    async def _run(
        self, download: Download, work: Callable[[Download], tuple[InstalledModel, ...]]
    ) -> None:
        from localqwq.packs.pull import PullStopped

        loop = asyncio.get_running_loop()
        try:
            download.models = await loop.run_in_executor(self._threads, work, download)
        except PullStopped:
            download.came = await loop.run_in_executor(self._threads, _came, download.spec)
            download.state = "paused"
        except LocalqwqError as error:
            download.state, download.sentence = "failed", str(error)
        except Exception as error:
            # Whatever it is, the app goes on, and what has come is kept.
            download.state = "failed"
            download.sentence = f"{download.spec} did not come ({type(error).__name__}: {error})."
        else:
            download.state = "done"
        self._told(download)


def _came(spec: str) -> int:
    """Bytes that are here of an unfinished download."""
    from localqwq.locations import packs_directory
    from localqwq.packs.download.unfinished import unfinished

    return next((one.bytes for one in unfinished(packs_directory()) if one.spec == spec), 0)
