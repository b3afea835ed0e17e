"""Where the app's models come from, and the machine in a few words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from localqwq.sizes import readable_size

if TYPE_CHECKING:
    from localqwq.hardware.machine import Machine
    from localqwq.models.stock import Stock
    from localqwq.tui.session.models import Model


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
