"""All models: installed, on offer, of other programs, and unfinished downloads."""

import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from localqwq.demo import DEMO, is_demo
from localqwq.errors import LocalqwqError
from localqwq.hardware.machine import Machine
from localqwq.models.in_store import find_default
from localqwq.models.offers import Offered, planned, unplanned
from localqwq.models.outlook import Measure, Outlook, look
from localqwq.models.prospects import prospects
from localqwq.packs.catalogue import read as read_catalogue
from localqwq.packs.download.unfinished import Unfinished, unfinished
from localqwq.packs.manifest import Manifest
from localqwq.packs.store.other_programs import ForeignModel, foreign_models
from localqwq.packs.store.store import InstalledModel, Store
from localqwq.planning.plan import Plan
from localqwq.settings.sections import EndpointSettings

QUICK = 5.0
"""Tokens per second, about as fast as people read."""


@dataclass(frozen=True, slots=True)
class Installed:
    """A model in the store."""

    spec: str
    """``name:QUANT``; only the name if the demo has yet to be made."""
    model: InstalledModel | None = None
    """The installed files; None if the demo has yet to be made."""
    manifest: Manifest | None = None
    plan: Plan | None = None
    """How it would be loaded; None before plans are made or if its file cannot be read."""
    is_default: bool = False
    """Whether it is used when no model is named; False before plans are made."""

    @property
    def is_demo(self) -> bool:
        """Whether it comes with localqwq."""
        return is_demo(self.spec)


@dataclass(frozen=True, slots=True)
class Stock:
    """All models to choose from."""

    installed: tuple[Installed, ...] = ()
    offered: tuple[Offered, ...] = ()
    foreign: tuple[ForeignModel, ...] = ()
    """Other programs' models, except those already used in place."""
    endpoints: tuple[EndpointSettings, ...] = ()
    unfinished: tuple[Unfinished, ...] = ()
    """Interrupted downloads."""
    place: str = ""
    """The folder of the store."""
    room: int = 0
    """Free bytes on its disk."""
    problems: tuple[str, ...] = ()
    """One sentence for each thing that cannot be used."""
    machine: Machine | None = None
    """The machine of the plans; None before plans are made."""

    @property
    def recommended(self) -> Offered | None:
        """The model to start with: the largest that thinks, fits and, if one is, is quick.

        Quick means writing faster than people read; if speeds are unknown, being entirely on
        devices.
        """
        fitting = [
            one
            for one in self.offered
            if one.entry.thinks and one.best.plan is not None and one.best.plan.fits
        ]
        quick = [one for one in fitting if one.best.plan and _is_quick(one.best.plan)]
        return max(quick, key=_size, default=None) or min(fitting, key=_size, default=None)


def glance(store: Store) -> Stock:
    """Return all models without plans."""
    catalogue = read_catalogue()
    models = store.installed()
    installed = [Installed(model.spec, model, _manifest(store, model)) for model in models]
    if not any(one.is_demo for one in installed):
        installed.append(Installed(DEMO))
    offered = (unplanned(entry) for entry in catalogue.entries.values())
    return Stock(
        installed=tuple(installed),
        offered=tuple(one for one in offered if one),
        foreign=tuple(_unused(foreign_models(), models)),
        unfinished=tuple(unfinished(store.root)),
        place=str(store.root),
        room=_room(store.root),
        problems=(*store.problems(), *catalogue.problems),
    )


def look_around(
    store: Store, *, measure: Measure, held: Plan | None = None, before: Machine | None = None
) -> Stock:
    """Return all models with how each would be loaded here.

    Args:
        store: the store of packs.
        measure: when to measure unknown speeds.
        held: the plan of the loaded model, which another one would replace.
        before: this machine as it was before that model was loaded.
    """
    with ThreadPoolExecutor(1) as beside:
        outlook = beside.submit(look, held=held, before=before, measure=measure)  # it waits
        stock = glance(store)
        for one in stock.offered:
            list(prospects(one.entry))  # reused for the plans
        return with_plans(stock, store, outlook.result())


def with_plans(stock: Stock, store: Store, outlook: Outlook) -> Stock:
    """Return the same stock with how each model would be loaded."""
    default = _default(store, outlook)
    return replace(
        stock,
        installed=tuple(
            replace(
                one,
                plan=outlook.plan_file(one.model.path) if one.model else None,
                is_default=one.spec == default,
            )
            for one in stock.installed
        ),
        offered=tuple(planned(one.entry, outlook) or one for one in stock.offered),
        machine=outlook.machine,
    )


def with_known_plans(stock: Stock, seen: Stock) -> Stock:
    """Return ``stock`` with the plans made for ``seen``."""
    known = {one.spec: one for one in seen.installed}
    offered = {one.entry.name: one for one in seen.offered}
    return replace(
        stock,
        installed=tuple(
            replace(one, plan=old.plan, is_default=old.is_default)
            if (old := known.get(one.spec))
            else one
            for one in stock.installed
        ),
        offered=tuple(
            there if (there := offered.get(one.entry.name)) and there.entry == one.entry else one
            for one in stock.offered
        ),
        machine=seen.machine,
    )


def _default(store: Store, outlook: Outlook) -> str:
    """Return the name of the default model; empty if there is none."""
    try:
        found = find_default(store, outlook)
    except LocalqwqError:  # the settings name one that does not exist
        return ""
    return found.spec if found else DEMO


def _manifest(store: Store, model: InstalledModel) -> Manifest | None:
    try:
        return store.manifest(model.name)
    except LocalqwqError:  # it was removed just now
        return None


def _unused(found: Sequence[ForeignModel], models: Sequence[InstalledModel]) -> list[ForeignModel]:
    """Return each file of other programs once, without those used in place."""
    used = {_identity(model.path) for model in models}
    unused: list[ForeignModel] = []
    for model in found:
        identity = _identity(model.path)
        if identity is not None and identity not in used:
            used.add(identity)
            unused.append(model)
    return unused


def _identity(path: Path) -> tuple[int, int] | None:
    """Return what identifies a file across links to it; None if it is gone."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _room(folder: Path) -> int:
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free


def _size(one: Offered) -> int:
    return one.entry.parameters


def _is_quick(plan: Plan) -> bool:
    if plan.speed.decode is not None:
        return plan.speed.decode >= QUICK
    return plan.gpu_layers == plan.layers_total
