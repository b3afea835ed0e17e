"""What models there are, and how each would be loaded on this machine: what the app shows."""

import shutil
from dataclasses import replace
from pathlib import Path

from localqwq.cli.model import DEMO
from localqwq.cli.offers import best, offers
from localqwq.engine.speeds import with_speeds
from localqwq.errors import LocalqwqError
from localqwq.gguf.facts import read_facts
from localqwq.hardware.machine import Device, Machine, detect
from localqwq.packs.catalogue import Entry
from localqwq.packs.catalogue import read as read_catalogue
from localqwq.packs.choice import USUAL
from localqwq.packs.foreign import ForeignModel, foreign_models
from localqwq.packs.manifest import Manifest
from localqwq.packs.store import InstalledModel, Store
from localqwq.packs.unfinished import unfinished
from localqwq.planning.placement import Load
from localqwq.planning.plan import Plan, plan
from localqwq.settings.file import SettingsFile
from localqwq.tui.supply import Choice, Installed, Offered, Stock


def glance(store: Store, settings: SettingsFile) -> Stock:
    """What there is, without plans."""
    catalogue = read_catalogue()
    models = store.installed()
    installed = [Installed(model.spec, model, _manifest(store, model)) for model in models]
    if not any(one.is_demo for one in installed):
        installed.append(Installed(DEMO))
    return Stock(
        installed=tuple(installed),
        offered=tuple(_unplanned(entry) for entry in catalogue.entries.values() if entry.quants),
        foreign=tuple(_unused(foreign_models(), models)),
        endpoints=tuple(settings.read().endpoints),
        unfinished=tuple(unfinished(store.root)),
        place=str(store.root),
        room=_room(store.root),
        problems=(*store.problems(), *catalogue.problems),
    )


def with_plans(stock: Stock, held: Plan | None) -> Stock:
    """The same with how each would be loaded here.

    Args:
        stock: what there is.
        held: the plan of the model that is loaded now; its memory counts as free, since another
            model takes its place.
    """
    machine = with_speeds(freed(detect(), held))
    return replace(
        stock,
        installed=tuple(replace(one, plan=_plan(one.model, machine)) for one in stock.installed),
        offered=tuple(_planned(one, machine) for one in stock.offered),
        machine=machine,
    )


def with_known_plans(stock: Stock, seen: Stock) -> Stock:
    """The same with the plans that were made when `seen` was."""
    plans = {one.spec: one.plan for one in seen.installed}
    offered = {one.entry.name: one for one in seen.offered}
    return replace(
        stock,
        installed=tuple(replace(one, plan=plans.get(one.spec)) for one in stock.installed),
        offered=tuple(
            known if (known := offered.get(one.entry.name)) and known.entry == one.entry else one
            for one in stock.offered
        ),
        machine=seen.machine,
    )


def freed(machine: Machine, held: Plan | None) -> Machine:
    """The machine without a model that was loaded by this plan.

    Weights that are mapped from their file count as available anyway.
    """
    if held is None:
        return machine
    host = held.host.kv_cache + held.host.compute + (held.host.weights if held.repack else 0)
    available = min(machine.ram_total, machine.ram_available + host)
    loads = {load.name: load for load in held.devices}
    return replace(
        machine,
        ram_available=available,
        devices=tuple(_freed(device, loads.get(device.name)) for device in machine.devices),
    )


def _freed(device: Device, load: Load | None) -> Device:
    if load is None:
        return device
    return replace(device, free=min(device.total, device.free + load.used))


def _planned(one: Offered, machine: Machine) -> Offered:
    found = offers(one.entry, machine)
    if not found:
        return one
    choices = {offer.quant: Choice(offer.quant, offer.bytes, offer.plan) for offer in found}
    return Offered(one.entry, tuple(choices.values()), choices[best(found).quant])


def _unplanned(entry: Entry) -> Offered:
    choices = [Choice(quant, entry.bytes.get(quant, 0)) for quant in entry.quants]
    usual = next((choice for choice in choices if choice.quant == USUAL), choices[0])
    return Offered(entry, tuple(choices), usual)


def _plan(model: InstalledModel | None, machine: Machine) -> Plan | None:
    try:
        return plan(read_facts(model.path), machine) if model else None
    except LocalqwqError:  # damaged beyond its size: loading it will say how
        return None


def _manifest(store: Store, model: InstalledModel) -> Manifest | None:
    try:
        return store.manifest(model.name)
    except LocalqwqError:  # it was removed at this moment
        return None


def _unused(found: list[ForeignModel], models: list[InstalledModel]) -> list[ForeignModel]:
    """Each file of another program's once, and none that is used in place."""
    used = {model.path.resolve() for model in models}
    unused: list[ForeignModel] = []
    for model in found:
        path = model.path.resolve()
        if path not in used:
            used.add(path)
            unused.append(model)
    return unused


def _room(folder: Path) -> int:
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free
