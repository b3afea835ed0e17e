"""What models there are to choose from, as the app sees them; the command line brings them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from localqwq.sizes import readable_size

if TYPE_CHECKING:
    from localqwq.hardware.machine import Machine
    from localqwq.packs.catalogue import Entry
    from localqwq.packs.foreign import ForeignModel
    from localqwq.packs.manifest import Manifest
    from localqwq.packs.store import InstalledModel
    from localqwq.packs.unfinished import Unfinished
    from localqwq.planning.plan import Plan
    from localqwq.settings.sections import EndpointSettings
    from localqwq.tui.models import Model

DEMO = "demo"
"""The pack that comes with localqwq."""


@dataclass(frozen=True, slots=True)
class Installed:
    """A model in the store."""

    spec: str
    """``name:QUANT``; only the name while the demo has yet to be made."""
    model: InstalledModel | None = None
    """None while the demo has yet to be made."""
    manifest: Manifest | None = None
    plan: Plan | None = None
    """How it would be loaded; None before that is known, and where its file cannot be read."""

    @property
    def is_demo(self) -> bool:
        """Whether it comes with localqwq."""
        return self.spec.partition(":")[0] == DEMO


@dataclass(frozen=True, slots=True)
class Choice:
    """A quantization of a model that can be downloaded."""

    quant: str
    bytes: int
    """What there is to download; 0 while nobody knows."""
    plan: Plan | None = None
    """How it would be loaded; None before that is known."""


@dataclass(frozen=True, slots=True)
class Offered:
    """A model of the catalogue."""

    entry: Entry
    choices: tuple[Choice, ...]
    """Its quantizations, the largest first; at least one."""
    best: Choice
    """The one to take here; the smallest where none fits."""

    def choice(self, quant: str) -> Choice | None:
        """The quantization of this name."""
        return next((choice for choice in self.choices if choice.quant == quant), None)


@dataclass(frozen=True, slots=True)
class Stock:
    """Everything there is to choose from."""

    installed: tuple[Installed, ...] = ()
    offered: tuple[Offered, ...] = ()
    foreign: tuple[ForeignModel, ...] = ()
    """Other programs' models, without those that are used already."""
    endpoints: tuple[EndpointSettings, ...] = ()
    unfinished: tuple[Unfinished, ...] = ()
    """Downloads that were interrupted."""
    place: str = ""
    """The folder of the store."""
    room: int = 0
    """Bytes that are free there."""
    problems: tuple[str, ...] = ()
    """A sentence for each thing that cannot be used."""
    machine: Machine | None = None
    """What the plans are for; None while they are not made."""

    @property
    def recommended(self) -> Offered | None:
        """The model to begin with: the largest that thinks and fits, and is quick if one is.

        Quick is what writes faster than people read; where no speed is known, what is on devices.
        """
        fitting = [
            one
            for one in self.offered
            if one.entry.thinks and one.best.plan is not None and one.best.plan.fits
        ]
        quick = [one for one in fitting if one.best.plan and _is_quick(one.best.plan)]
        return max(quick, key=_size, default=None) or min(fitting, key=_size, default=None)


class Supply(Protocol):
    """Where models come from. All but `local` and `remote` take a while, and belong in threads."""

    def is_new(self) -> bool:
        """Whether there is nothing yet but the demo."""

    def stock(self) -> Stock:
        """What there is, at a glance: plans are those of the last `planned`, if there was one."""

    def planned(self) -> Stock:
        """What there is, with how each model would be loaded here. Takes seconds."""

    def local(self, spec: str | None) -> Model:
        """The installed model of this name; None for the best."""

    def remote(self, name: str) -> Model:
        """The model behind the endpoint that the settings have by this name."""

    def remove(self, spec: str) -> None:
        """Takes an installed model away; raises LocalqwqError."""

    def discard(self, spec: str) -> None:
        """Throws away what has come of a download; raises LocalqwqError."""


QUICK = 5.0
"""Tokens a second: about what people read."""


def described(machine: Machine) -> str:
    """The machine in a few words: ``NVIDIA … with 23.1 GiB free, 62.7 GiB of memory, 8 cores``."""
    devices = [
        f"{device.description} with {readable_size(device.free)} free"
        for device in machine.devices
        if device.type != "CPU"
    ]
    cores = "1 core" if machine.physical_cores == 1 else f"{machine.physical_cores} cores"
    memory = f"{readable_size(machine.ram_total)} of memory"
    return ", ".join([*(devices or ["no GPU to use"]), memory, cores])


def _size(one: Offered) -> int:
    return one.entry.parameters


def _is_quick(plan: Plan) -> bool:
    if plan.speed.decode is not None:
        return plan.speed.decode >= QUICK
    return plan.gpu_layers == plan.layers_total
