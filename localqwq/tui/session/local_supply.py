"""The app's sources of models: this machine's store, the catalogue, and endpoints."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from localqwq.demo import is_demo
from localqwq.errors import LocalqwqError
from localqwq.locations import packs_directory, running_socket, settings_file
from localqwq.tui.session.models import ChildModel, Local, LocalModel, RemoteModel

if TYPE_CHECKING:
    from collections.abc import Callable

    from localqwq.client.endpoints import FoundEndpoint
    from localqwq.models.by_hand import ByHand
    from localqwq.models.launch import Launch
    from localqwq.models.launch_options import LaunchOptions
    from localqwq.models.spec import ResolvedModel
    from localqwq.models.stock import Stock
    from localqwq.packs.store.store import Store
    from localqwq.tui.session.models import Model

PARALLEL = 2
"""Concurrent requests: an answer, and questions about it meanwhile."""


@dataclass(frozen=True, slots=True)
class _Current:
    """The model that is loaded, or could not be, and how it was meant to be."""

    resolved: ResolvedModel
    options: LaunchOptions
    chat_template: str | None


class LocalSupply:
    """The app's ``Supply``. Created before the first frame, so it accesses nothing yet."""

    def __init__(self) -> None:
        self._current: _Current | None = None
        self._loaded: Launch | None = None
        self._seen: Stock | None = None

    def is_new(self) -> bool:
        """Implement ``Supply.is_new``."""
        return all(is_demo(model.spec) for model in self._store.installed())

    def stock(self) -> Stock:
        """Implement ``Supply.stock``."""
        from localqwq.models.stock import glance, with_known_plans

        found = self._with_endpoints(glance(self._store))
        return with_known_plans(found, self._seen) if self._seen else found

    def planned(self) -> Stock:
        """Implement ``Supply.planned``."""
        from localqwq.models.stock import look_around

        held, before = (self._loaded.plan, self._loaded.machine) if self._loaded else (None, None)
        found = look_around(self._store, measure="always", held=held, before=before)
        self._seen = self._with_endpoints(found)
        return self._seen

    def local(self, spec: str | None) -> Model:
        """Implement ``Supply.local``."""
        return LocalModel(lambda: self._running(spec), lambda: self._found(spec, None))

    def first(
        self,
        spec: str | None,
        options: Callable[[], LaunchOptions],
        chat_template: str | None = None,
    ) -> Model:
        """Return the first model: this one, else the one in the settings, else the best.

        ``options``: says how to load it, once the app is drawn. ``chat_template``: the name of a
        file or of a built-in template to use instead of the model's own.
        """

        def find() -> Local:
            from localqwq.models.defaults import default_model

            chosen = default_model() if spec is None else None
            if chosen is None:
                return self._found(spec, options(), chat_template)
            try:
                return self._found(chosen, options(), chat_template)
            except LocalqwqError as error:
                raise LocalqwqError(
                    f"{error} The settings name it as the model to start with; `localqwq chat "
                    "MODEL` starts with another one."
                ) from error

        def look() -> FoundEndpoint | None:
            from localqwq.models.launch_options import LaunchOptions

            is_plain = chat_template is None and options() == LaunchOptions()
            return self._running(spec) if is_plain else None

        return LocalModel(look, find)

    def has_current(self) -> bool:
        """Implement ``Supply.has_current``."""
        return self._current is not None

    def by_hand(self, spec: str | None) -> ByHand:
        """Implement ``Supply.by_hand``."""
        from localqwq.models.by_hand import by_hand
        from localqwq.models.launch_options import LaunchOptions
        from localqwq.models.launch_settings import settings_of
        from localqwq.models.spec import resolve

        current = self._current
        if spec is None and current is not None:
            return by_hand(current.resolved, current.options, PARALLEL, self._loaded)
        resolved = resolve(spec)
        options = LaunchOptions().over(settings_of(resolved.name, resolved.spec))
        return by_hand(resolved, options, PARALLEL, self._loaded)

    def loaded_as(self, chosen: ByHand, options: LaunchOptions) -> Model:
        """Implement ``Supply.loaded_as``."""
        resolved, current = replace(chosen.resolved, outlook=None, any_quant=False), self._current
        same = current is not None and current.resolved.path == resolved.path
        template = current.chat_template if same and current is not None else None
        return ChildModel(lambda: self._launched(_Current(resolved, options, template)))

    def remote(self, name: str) -> Model:
        """Implement ``Supply.remote``."""
        from localqwq.client.endpoints import wanted_endpoint

        self._current, self._loaded = None, None
        return RemoteModel(lambda: wanted_endpoint(name))

    def remove(self, spec: str) -> None:
        """Implement ``Supply.remove``."""
        removed = self._store.remove(spec)
        if running_socket() is None:  # importing the rest takes long
            return
        from localqwq.client.running_server import unload

        unload(model.spec for model in removed)  # which frees its disk space

    def discard(self, spec: str) -> None:
        """Implement ``Supply.discard``."""
        from localqwq.packs.download.unfinished import discard, unfinished

        for one in unfinished(self._store.root):
            if one.spec == spec:
                discard(self._store.root, one)

    def _running(self, spec: str | None) -> FoundEndpoint | None:
        """Return the running server, if it has this model."""
        if running_socket() is None:  # importing the rest takes long
            return None
        from localqwq.client.running_server import running_model

        found = running_model(spec)
        if found is not None:
            self._current, self._loaded = None, None
        return found

    def _found(
        self, spec: str | None, options: LaunchOptions | None, chat_template: str | None = None
    ) -> Local:
        from localqwq.models.launch_options import LaunchOptions
        from localqwq.models.launch_settings import settings_of
        from localqwq.models.spec import resolve

        resolved = resolve(spec)
        options = (options or LaunchOptions()).over(settings_of(resolved.name, resolved.spec))
        return self._launched(_Current(resolved, options, chat_template))

    def _launched(self, wanted: _Current) -> Local:
        from localqwq.models.launching import launch

        self._current, self._loaded = wanted, None  # what cannot be loaded can be changed by hand
        resolved = wanted.resolved
        launched = launch(
            resolved,
            wanted.options,
            parallel=PARALLEL,
            chat_template=wanted.chat_template,
            with_settings=False,
        )
        quant = launched.name.rpartition(":")[2]
        self._loaded = launched
        self._current = replace(
            wanted, resolved=replace(resolved, path=launched.model, quant=quant, outlook=None)
        )
        return Local(resolved.name, quant, launched)

    @staticmethod
    def _with_endpoints(stock: Stock) -> Stock:
        from localqwq.settings.file import SettingsFile

        return replace(stock, endpoints=tuple(SettingsFile(settings_file()).read().endpoints))

    @property
    def _store(self) -> Store:
        from localqwq.packs.store.store import Store

        return Store(packs_directory())
