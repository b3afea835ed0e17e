"""All installed models, as the store has them when a request comes."""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from localqwq.demo import DEMO, is_demo
from localqwq.errors import LocalqwqError
from localqwq.gguf.facts import read_facts
from localqwq.locations import packs_directory, settings_file
from localqwq.models.beside import Held, growing, leaving
from localqwq.models.in_store import name_in_store
from localqwq.models.launch import Launch
from localqwq.models.launch_options import LaunchOptions
from localqwq.models.launch_settings import settings_of
from localqwq.models.launching import launch
from localqwq.models.outlook import Outlook, look
from localqwq.models.spec import ResolvedModel, resolve, smaller_ones
from localqwq.packs.store.store import InstalledModel, Store
from localqwq.planning.plan import Plan
from localqwq.server.pool.listing import Listings, identity
from localqwq.server.pool.names import aliased, named
from localqwq.server.pool.source import Growth, Listed, Room
from localqwq.server.supervision.waiting import waiting_engine
from localqwq.settings.sections import ServingSettings

Other = TypeVar("Other")
_MOST_KNOWN = 1000
"""Names that are remembered: invented ones must not fill the memory."""


@dataclass(frozen=True, slots=True)
class HowToLoad:
    """How each model is loaded."""

    options: LaunchOptions
    parallel: int
    """Requests that share the context, where nobody says how many."""
    chat_template: str | None = None
    """A template in place of the models' own."""
    defaults: str | None = None
    """JSON of the default request values."""


@dataclass(frozen=True, slots=True)
class _Loaded:
    """What a model was loaded from."""

    stamp: object
    """Of the store at that time."""
    path: Path
    identity: object
    """Of the file."""


class InstalledModels:
    """The models of the store; a pack that is added or removed meanwhile is noticed."""

    has_one = False

    def __init__(self, how: HowToLoad, settings: ServingSettings) -> None:
        """Set up; ``settings``: which names mean which models."""
        self._how = how
        self._settings = settings
        self._found: dict[str, str | None] = {}
        """What names mean, as long as the store stays as it is."""
        self._stamp: object = None
        self._loaded: dict[str, _Loaded] = {}
        self._listings = Listings()

    def find(self, wanted: str | None) -> str:
        """Return the full name of the model that a request's ``model`` means.

        An unknown name means the default model, unless the settings say that it is refused; that of
        a damaged model is always refused.
        """
        wanted = (wanted or "").strip()
        if wanted:
            if (found := self._meant(wanted)) is not None:
                return found
            if self._settings.unknown == "refuse":
                raise _unknown(wanted)
        default = self._meant("")
        assert default is not None, "there is one, or finding it raises"
        return default

    def named(self, wanted: str) -> str:
        """Return the full name of the model with this name, or of what the alias stands for."""
        if wanted.strip() and (found := self._meant(wanted)) is not None:
            return found
        raise _unknown(wanted)

    def listed(self) -> Sequence[Listed]:
        """Return all installed models, with how each would be loaded if it were alone.

        The default one comes first: clients that name none take the first one.
        """
        models = _installed()
        listed = self._listings.of(models)
        if not any(is_demo(model.spec) for model in models):
            listed.append(Listed(DEMO))
        with contextlib.suppress(LookupError):  # the settings name one that is gone
            default = self._meant("")
            listed.sort(key=lambda one: one.name != default)
        return listed

    def room(
        self, name: str, staying: Sequence[Held], idle: Sequence[tuple[Other, Held]]
    ) -> Room[Other]:
        """Return how to load a model, and which idle ones have to leave memory before.

        The engine's process starts meanwhile; whoever loads takes it, or ends it.
        """
        waiting_engine.begin()
        resolved = resolve(name)
        facts = read_facts(resolved.path)
        options = self._how.options.over(settings_of(resolved.name, resolved.spec))
        constraints = options.constraints(self._how.parallel)
        smaller = smaller_ones(resolved, facts) if resolved.any_quant else ()

        def planned(outlook: Outlook) -> Plan:
            return outlook.plan(facts, constraints, smaller)

        outlook = resolved.outlook or look(quant=facts.quant)
        others, seen, _ = leaving(outlook, planned, staying, idle)
        self._loaded[name] = _Loaded(_stamp(), resolved.path, identity(resolved.path))
        return Room(self._launch(replace(resolved, outlook=seen)), others)

    def growth(
        self,
        launch: Launch,
        own: Held,
        needed: int,
        staying: Sequence[Held],
        idle: Sequence[tuple[Other, Held]],
    ) -> Growth[Other]:
        """Return how long the context of a loaded model may become, and who has to leave before."""
        now = own.plan.context
        if launch.constraints.context is not None or now >= own.plan.facts.longest_context:
            return Growth(now)  # somebody chose it, or the model supports no more
        outlook = look(quant=own.plan.facts.quant)
        others, longest = growing(outlook, own, launch.constraints, needed, staying, idle)
        return Growth(longest, others)

    def is_current(self, name: str) -> bool:
        """Return whether a model's file is still the one that it was loaded from."""
        loaded, stamp = self._loaded[name], _stamp()
        try:
            path = loaded.path if stamp == loaded.stamp else resolve(name).path
            is_same = path == loaded.path and identity(path) == loaded.identity
        except (LocalqwqError, OSError):  # it was removed
            return False
        if is_same:
            self._loaded[name] = replace(loaded, stamp=stamp)
        return is_same

    def is_pinned(self, name: str) -> bool:
        """Return whether a model stays in memory whatever else is asked for."""
        return any(named(pinned, [name]) for pinned in self._settings.pinned)

    def _launch(self, resolved: ResolvedModel) -> Launch:
        found = launch(
            resolved,
            self._how.options,
            parallel=self._how.parallel,
            chat_template=self._how.chat_template,
        )
        return replace(found, defaults=self._how.defaults)

    def _meant(self, wanted: str) -> str | None:
        """Return what a name means, an empty one the default model; it is looked up once."""
        if (stamp := _stamp()) != self._stamp:
            self._stamp, self._found = stamp, {}
        if wanted not in self._found:
            found = self._known(wanted) if wanted else _full_name(None)
            if len(self._found) >= _MOST_KNOWN:
                self._found.clear()
            self._found[wanted] = found
        return self._found[wanted]

    def _known(self, wanted: str) -> str | None:
        """Return the full name of an installed model, by its name or an alias.

        Raises ``LookupError`` if it is damaged.
        """
        names = [*(model.spec for model in _installed()), DEMO]
        for name in (wanted, aliased(wanted, self._settings.aliases)):
            if name is None:
                continue
            if (found := named(name, names)) is not None:
                return _full_name(found)
            store = Store(packs_directory())
            with contextlib.suppress(LocalqwqError):  # it is not installed
                if (elsewhere := name_in_store(store, name)) != name:
                    return _full_name(elsewhere)
            for damaged, sentence in store.damaged().items():
                if named(name if ":" in damaged else name.partition(":")[0], [damaged]):
                    raise LookupError(sentence)
        return None


def _stamp() -> object:
    """Return what changes with the store or the settings."""
    root, found = packs_directory(), []
    for path in (settings_file(), root, *(root.iterdir() if root.is_dir() else ())):
        with contextlib.suppress(OSError):
            found.append((path.name, path.stat().st_mtime_ns))
    return found


def _full_name(name: str | None) -> str:
    """Return ``NAME:QUANT`` for a name; the default model's for ``None``."""
    try:
        return resolve(name).spec
    except LocalqwqError as error:
        raise LookupError(str(error)) from None


def _installed() -> list[InstalledModel]:
    return Store(packs_directory()).installed()


def names() -> list[str]:
    """Return the names of all installed models."""
    found = [model.spec for model in _installed()]
    return found if any(map(is_demo, found)) else [*found, DEMO]


def _unknown(wanted: str) -> LookupError:
    return LookupError(f"There is no model {wanted[:80]!r} here; there are {', '.join(names())}.")
