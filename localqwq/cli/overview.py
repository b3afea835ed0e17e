"""Which models there are for this machine: installed, on offer, and other programs'."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from localqwq.cli.model import DEMO, best_installed
from localqwq.cli.offers import Offer, offers, prospects
from localqwq.cli.quick_speeds import with_quick_speeds
from localqwq.errors import LocalqwqError
from localqwq.gguf.facts import read_facts
from localqwq.hardware.machine import Machine, detect
from localqwq.packs.catalogue import read as read_catalogue
from localqwq.packs.foreign import ForeignModel, foreign_models
from localqwq.packs.store import InstalledModel, Store
from localqwq.packs.unfinished import Unfinished, unfinished
from localqwq.planning.plan import Plan, plan


@dataclass(frozen=True, slots=True)
class Known:
    """An installed model and how it would be loaded; the demo before its first use has neither."""

    spec: str
    model: InstalledModel | None
    plan: Plan | None
    default: bool
    """Whether it is used when no model is named."""

    @property
    def built_in(self) -> bool:
        """Whether it comes with localqwq."""
        return self.spec.partition(":")[0] == DEMO


@dataclass(frozen=True, slots=True)
class Overview:
    """All of it, and the machine that it is for."""

    machine: Machine
    known: tuple[Known, ...]
    """What is installed."""
    offered: tuple[tuple[Offer, ...], ...]
    """For each model of the catalogue its quantizations, the largest first."""
    foreign: tuple[ForeignModel, ...]
    problems: tuple[str, ...]
    """One sentence for each thing that cannot be used."""
    unfinished: tuple[Unfinished, ...] = ()
    """Downloads that can go on."""


def look(store: Store) -> Overview:
    """Look at the store, the catalogue, other programs' folders and this machine."""
    with ThreadPoolExecutor(1) as beside:
        machine_soon = beside.submit(detect)  # which waits for a process of its own
        catalogue = read_catalogue()
        for entry in catalogue.entries.values():
            list(prospects(entry))  # kept for `offers`
        machine = with_quick_speeds(machine_soon.result())
    offered = (offers(entry, machine) for entry in catalogue.entries.values())
    return Overview(
        machine=machine,
        known=tuple(_known(store, machine)),
        offered=tuple(tuple(found) for found in offered if found),
        foreign=tuple(foreign_models()),
        problems=(*store.problems(), *catalogue.problems),
        unfinished=tuple(unfinished(store.root)),
    )


def as_json(overview: Overview) -> dict[str, Any]:
    """The document that scripts read."""
    return {
        "installed": [_installed_json(one) for one in overview.known],
        "catalogue": [_offer_json(offer) for found in overview.offered for offer in found],
        "found": [_foreign_json(model) for model in overview.foreign],
        "unfinished": [
            {"name": one.name, "quant": one.quant, "bytes": one.bytes}
            for one in overview.unfinished
        ],
    }


def _known(store: Store, machine: Machine) -> list[Known]:
    installed = store.installed()
    best_one = best_installed(store, machine) or next(
        (model for model in installed if model.name == DEMO), None
    )
    default = best_one.spec if best_one else DEMO
    known = [
        Known(model.spec, model, _plan(model, machine), model.spec == default)
        for model in installed
    ]
    if not any(one.built_in for one in known):
        known.append(Known(DEMO, None, None, default == DEMO))
    return known


def _plan(model: InstalledModel, machine: Machine) -> Plan | None:
    try:
        return plan(read_facts(model.path), machine)
    except LocalqwqError:  # damaged beyond its size: loading or verifying it will say how
        return None


def _installed_json(one: Known) -> dict[str, Any]:
    model = one.model
    about: dict[str, Any] = dict.fromkeys(
        ("quant", "path", "bytes", "architecture", "parameters", "context")
    )
    if model:
        about = {
            "quant": model.quant,
            "path": str(model.path),
            "bytes": model.bytes,
            "architecture": model.architecture,
            "parameters": model.parameters,
            "context": model.context,
        }
    return {
        "name": model.name if model else one.spec,
        **about,
        "default": one.default,
        "built_in": one.built_in,
        **_plan_json(one.plan),
    }


def _plan_json(found: Plan | None) -> dict[str, Any]:
    if found is None:
        return dict.fromkeys(("fits", "layers_offloaded", "layers_total", "generate_tps", "why"))
    return {
        "fits": found.fits,
        "layers_offloaded": found.gpu_layers,
        "layers_total": found.layers_total,
        "generate_tps": found.speed.decode,
        "why": found.why,
    }


def _offer_json(offer: Offer) -> dict[str, Any]:
    return {
        "name": offer.entry.name,
        "quant": offer.quant,
        "bytes": offer.bytes,
        "source": offer.source,
        **_plan_json(offer.plan),
    }


def _foreign_json(model: ForeignModel) -> dict[str, Any]:
    return {
        "name": model.spec,
        "program": model.program,
        "path": str(model.path),
        "bytes": model.bytes,
    }
