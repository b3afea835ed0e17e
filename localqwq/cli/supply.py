"""Where the app's models come from: this machine's store, the catalogue, and endpoints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from localqwq.errors import LocalqwqError
from localqwq.locations import packs_directory, settings_file
from localqwq.tui.models import Local, LocalModel, RemoteModel
from localqwq.tui.supply import DEMO

if TYPE_CHECKING:
    from localqwq.packs.store import Store
    from localqwq.planning.plan import Plan
    from localqwq.tui.models import Model
    from localqwq.tui.supply import Stock

PARALLEL = 2
"""Requests at once: an answer, and what is asked about it meanwhile."""


class LocalSupply:
    """The app's `Supply`. It is made before the first paint, so it looks at nothing yet."""

    def __init__(self) -> None:
        self._loaded: Plan | None = None
        self._seen: Stock | None = None

    def is_new(self) -> bool:
        """See ``Supply``."""
        return all(model.name == DEMO for model in self._store.installed())

    def stock(self) -> Stock:
        """See ``Supply``."""
        from localqwq.cli.stock import glance, with_known_plans
        from localqwq.settings.file import SettingsFile

        found = glance(self._store, SettingsFile(settings_file()))
        return with_known_plans(found, self._seen) if self._seen else found

    def planned(self) -> Stock:
        """See ``Supply``."""
        from localqwq.cli.stock import with_plans

        self._seen = with_plans(self.stock(), self._loaded)
        return self._seen

    def local(self, spec: str | None) -> Model:
        """See ``Supply``."""
        return LocalModel(lambda: self._found(spec, None))

    def first(self, spec: str | None, ctx: int | None) -> Model:
        """The model to begin with: this one, else the one that the settings name, else the best.

        `ctx`: tokens of context, if somebody wants so many.
        """

        def find() -> Local:
            from localqwq.cli.settings import default_model

            chosen = default_model() if spec is None else None
            if chosen is None:
                return self._found(spec, ctx)
            try:
                return self._found(chosen, ctx)
            except LocalqwqError as error:
                raise LocalqwqError(
                    f"{error} The settings name it as the model to begin with; `localqwq chat "
                    "MODEL` begins with another one."
                ) from error

        return LocalModel(find)

    def remote(self, name: str) -> Model:
        """See ``Supply``."""
        from localqwq.cli.settings import wanted_endpoint

        self._loaded = None
        return RemoteModel(lambda: wanted_endpoint(name))

    def remove(self, spec: str) -> None:
        """See ``Supply``."""
        self._store.remove(spec)

    def discard(self, spec: str) -> None:
        """See ``Supply``."""
        from localqwq.packs.unfinished import discard, unfinished

        for one in unfinished(self._store.root):
            if one.spec == spec:
                discard(self._store.root, one)

    def _found(self, spec: str | None, ctx: int | None) -> Local:
        from localqwq.cli.model import launch, resolve

        resolved = resolve(spec)
        launched = launch(resolved, ctx, parallel=PARALLEL)
        self._loaded = launched.plan
        return Local(resolved.name, launched.name.rpartition(":")[2], launched)

    @property
    def _store(self) -> Store:
        from localqwq.packs.store import Store

        return Store(packs_directory())
