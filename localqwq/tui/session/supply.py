"""The app's source of models, and a short description of the machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from localqwq.sizes import readable_size

if TYPE_CHECKING:
    from localqwq.hardware.machine import Machine
    from localqwq.models.by_hand import ByHand
    from localqwq.models.launch_options import LaunchOptions
    from localqwq.models.stock import Stock
    from localqwq.tui.session.models import Model


class Supply(Protocol):
    """A source of models. Most methods are slow and belong in threads; the others are ``local``,
    ``remote``, ``has_current`` and ``loaded_as``.
    """

    def is_new(self) -> bool:
        """Return whether there is only the demo."""

    def stock(self) -> Stock:
        """Return all models quickly; plans are those of the last ``planned``, if any."""

    def planned(self) -> Stock:
        """Return all models with how each would be loaded here. Takes seconds."""

    def local(self, spec: str | None) -> Model:
        """Return the installed model with this name; None for the best."""

    def has_current(self) -> bool:
        """Return at once whether the current model is one of this machine's."""

    def by_hand(self, spec: str | None) -> ByHand:
        """Return what can be chosen for loading an installed model; None for the current one.

        Raises LocalqwqError.
        """

    def loaded_as(self, chosen: ByHand, options: LaunchOptions) -> Model:
        """Return a model that is loaded with these options alone, not by the settings."""

    def remote(self, name: str) -> Model:
        """Return the model behind the endpoint with this name in the settings."""

    def remove(self, spec: str) -> None:
        """Remove an installed model; raises LocalqwqError."""

    def discard(self, spec: str) -> None:
        """Delete the data of a download; raises LocalqwqError."""


def described(machine: Machine) -> str:
    """Return a short description: ``NVIDIA … with 23.1 GiB free, 62.7 GiB of memory, 8 cores``."""
    devices = [
        f"{device.description} with {readable_size(device.free)} free"
        for device in machine.devices
        if device.type != "CPU"
    ]
    cores = "1 core" if machine.physical_cores == 1 else f"{machine.physical_cores} cores"
    memory = f"{readable_size(machine.ram_total)} of memory"
    return ", ".join([*(devices or ["no usable GPU"]), memory, cores])
