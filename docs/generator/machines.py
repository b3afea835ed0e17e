"""What QwQ-32B would be on usual machines: plans of the real planner, which loads nothing."""

from dataclasses import dataclass

from docs.generator.markdown import code, table
from localqwq.hardware.machine import Device, Machine
from localqwq.models.offers import planned
from localqwq.models.outlook import Outlook
from localqwq.packs.catalogue import find
from localqwq.sizes import parsed_size

_MODEL = "qwq-32b"
_CORES = 8


@dataclass(frozen=True, slots=True)
class Example:
    """A machine that many people have, as the flags of `localqwq plan` describe it."""

    words: str
    ram: str
    device: str = ""
    """NAME=FREE."""

    @property
    def flags(self) -> str:
        """The flags."""
        return " ".join([f"--device {self.device}"] * bool(self.device) + [f"--ram {self.ram}"])

    @property
    def machine(self) -> Machine:
        """The machine."""
        ram = parsed_size(self.ram)
        devices: tuple[Device, ...] = ()
        if self.device:
            name, _, size = self.device.partition("=")
            free = parsed_size(size)
            devices = (Device(name, name, "GPU", free, free),)
        return Machine("", _CORES, _CORES, ram, ram, devices)


EXAMPLES = (
    Example("a 24 GB card (RTX 4090)", "64G", "RTX4090=23.5G"),
    Example("a 32 GB Mac", "32G", "MTL0=22G"),
    Example("an 8 GB card (RTX 4060)", "32G", "RTX4060=7.5G"),
    Example("no GPU, 32 GB", "32G"),
    Example("no GPU, 16 GB", "16G"),
)


def machines_table() -> str:
    """Return a table of the example machines and what they would run."""
    return table(
        ("machine", "quantization", "context", "KV cache", "layers on the GPU", "flags"),
        map(_row, EXAMPLES),
    )


def _row(example: Example) -> tuple[str, ...]:
    entry = find(_MODEL)
    offered = None if entry is None else planned(entry, Outlook(example.machine))
    plan = None if offered is None else offered.best.plan
    if plan is None or not plan.fits:
        raise ValueError(f"{_MODEL} does not fit on {example.words}: choose another example.")
    layers = f"{plan.gpu_layers} of {plan.layers_total}" if example.device else "none"
    context = f"{plan.context:,}"
    kind = plan.kv_type.upper()
    return (example.words, plan.facts.quant, context, kind, layers, code(example.flags))
