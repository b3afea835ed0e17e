"""The installed models as lists show them: looked at again only where that can tell news."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from localqwq.models.outlook import Outlook, look
from localqwq.packs.store.store import InstalledModel
from localqwq.planning.short_summary import verdict
from localqwq.server.pool.source import Listed

_KEPT_S = 60.0
"""Seconds after which the machine is looked at again: clients poll the list."""


@dataclass(frozen=True, slots=True)
class _Kept:
    """What a file was listed as."""

    identity: object
    """Of the file at that time."""
    outlook: Outlook
    listed: Listed


class Listings:
    """Lists models as each would be loaded if it were alone. May be used in any thread.

    The plans are those of the machine at rest, so that it matters little what is loaded now: the
    machine is looked at once a minute, and a file is read and planned again once it or the machine
    has changed.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Set up; ``clock`` returns seconds."""
        self._clock = clock
        self._lock = threading.Lock()  # who asks at the same time waits for the same look
        self._outlook: Outlook | None = None
        self._looked = 0.0
        self._kept: dict[str, _Kept] = {}

    def of(self, models: Sequence[InstalledModel]) -> list[Listed]:
        """Return these models as they are listed, in their order."""
        with self._lock:
            outlook = self._seen()
            kept = {model.spec: self._of(model, outlook) for model in models}
            self._kept = kept  # without those that are gone
        return [one.listed for one in kept.values()]

    def _seen(self) -> Outlook:
        """Return the outlook of this machine at rest."""
        now = self._clock()
        if self._outlook is None or now - self._looked >= _KEPT_S:
            found = look(measure="if needed").at_rest()
            if found != self._outlook:
                self._outlook = found
            self._looked = now
        return self._outlook

    def _of(self, model: InstalledModel, outlook: Outlook) -> _Kept:
        identity, kept = _identity(model), self._kept.get(model.spec)
        if kept is not None and kept.identity == identity and kept.outlook is outlook:
            return kept
        return _Kept(identity, outlook, _listed(model, outlook))


def identity(path: Path) -> object:
    """Return what differs between files, and before and after a change of one."""
    status = path.stat()
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _identity(model: InstalledModel) -> object:
    """Return what changes with any of a model's files; ``None`` if it has none."""
    path = Path(model.path)
    try:
        return model.bytes, identity(path), path.parent.stat().st_mtime_ns
    except OSError:
        return None


def _listed(model: InstalledModel, outlook: Outlook) -> Listed:
    plan = outlook.plan_file(Path(model.path))
    if plan is None:
        return Listed(model.spec, model.bytes)
    return Listed(model.spec, model.bytes, verdict(plan), plan.fits, plan.facts)
