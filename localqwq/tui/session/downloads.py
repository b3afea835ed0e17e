"""Downloads that continue on any screen: started, paused, resumed, ended."""

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
"""Maximum concurrent downloads; others wait."""


@dataclass(slots=True)
class Download:
    """One download of a model."""

    spec: str
    """The requested model: ``name:QUANT``."""
    state: State = "running"
    progress: Progress | None = None
    """Its progress, changed by its thread; None before it starts."""
    came: int = 0
    """Bytes downloaded when it was last interrupted."""
    sentence: str = ""
    """Why it failed."""
    models: tuple[InstalledModel, ...] = ()
    """The installed models that resulted."""
    _stop: threading.Event = field(default_factory=threading.Event, repr=False)

    @property
    def is_active(self) -> bool:
        """Whether it is running or waiting."""
        return self.state in ("running", "pausing")

    @property
    def done(self) -> int:
        """The bytes downloaded."""
        told = self.progress.done if self.progress and self.progress.total else 0
        return told if told and self.is_active else max(told, self.came)


class Downloads:
    """All downloads of the app. Call its methods from the event loop's thread."""

    def __init__(self, told: Callable[[Download], object]) -> None:
        """Set up; ``told`` is called with each download whose state has changed."""
        self._told = told
        self._all: dict[str, Download] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._threads = ThreadPoolExecutor(AT_ONCE, "download")

    @property
    def all(self) -> Mapping[str, Download]:
        """All downloads of this run of the app, by requested model."""
        return self._all

    def of(self, spec: str) -> Download | None:
        """Return the download of a model."""
        return self._all.get(spec)

    @property
    def active(self) -> list[Download]:
        """Return the running downloads."""
        return [download for download in self._all.values() if download.is_active]

    @property
    def foremost(self) -> Download | None:
        """The one to show: the first running one, else the last one started by this app."""
        begun = [self._all[spec] for spec in self._tasks if spec in self._all]
        return next((one for one in begun if one.is_active), begun[-1] if begun else None)

    def recall(self, interrupted: Iterable[Unfinished]) -> None:
        """Add downloads interrupted before the app was started."""
        for one in interrupted:
            self._all.setdefault(one.spec, Download(one.spec, "paused", came=one.bytes))

    def start(self, spec: str) -> Download:
        """Start or resume the download of a model; harmless while it is running."""

        def work(download: Download) -> tuple[InstalledModel, ...]:
            from localqwq.packs.pull import pull

            def follow(progress: Progress) -> None:
                download.progress = progress

            return pull(spec, on_progress=follow, stop=download._stop).models

        return self._begin(spec, work)

    def adopt(self, model: ForeignModel) -> Download:
        """Start adding another program's model, which has to be read for that."""

        def work(download: Download) -> tuple[InstalledModel, ...]:
            from localqwq.locations import packs_directory
            from localqwq.packs.download.meter import Progress
            from localqwq.packs.pull import PullStopped
            from localqwq.packs.store.store import Store

            def follow(done: int, total: int) -> None:
                if download._stop.is_set():
                    raise PullStopped(f"{model.spec} was not added.")
                download.progress = Progress(
                    "checking", model.spec, model.program, done=done, total=total
                )

            return tuple(Store(packs_directory()).adopt(model, follow))

        return self._begin(model.spec, work)

    def pause(self, spec: str) -> None:
        """Stop a download soon, keeping what was downloaded."""
        download = self._all.get(spec)
        if download is not None and download.state == "running":
            download.state = "pausing"
            download._stop.set()
            self._told(download)

    def forget(self, spec: str) -> None:
        """Forget a download that is not running."""
        download = self._all.get(spec)
        if download is not None and not download.is_active:
            del self._all[spec]

    async def close(self) -> None:
        """Pause all downloads, and wait until their data is safe."""
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
            # Whatever it is, the app continues, and the data is kept.
            download.state = "failed"
            download.sentence = (
                f"{download.spec} could not be downloaded ({type(error).__name__}: {error})."
            )
        else:
            download.state = "done"
        self._told(download)


def _came(spec: str) -> int:
    """Return the bytes of an unfinished download."""
    from localqwq.locations import packs_directory
    from localqwq.packs.download.unfinished import unfinished

    return next((one.bytes for one in unfinished(packs_directory()) if one.spec == spec), 0)
