"""Traces of graphics hardware and drivers outside llama.cpp."""

import ctypes.util
import platform
import shutil
from dataclasses import dataclass
from pathlib import Path

PCI = Path("/sys/bus/pci/devices")
_VENDORS = {"0x10de": "NVIDIA", "0x1002": "AMD", "0x8086": "Intel"}
_DISPLAY, _ACCELERATOR = "0x03", "0x12"
"""Prefixes of PCI classes; datacentre cards without a display have either."""


@dataclass(frozen=True, slots=True)
class Traces:
    """The graphics hardware that exists, whether or not llama.cpp can use it."""

    cards: frozenset[str] = frozenset()
    """Makers of graphics cards, including integrated ones: ``NVIDIA``, ``AMD``, ``Intel``,
    ``Apple``.
    """
    nvidia_driver: bool = False
    vulkan_driver: bool = False


def find_traces(pci: Path = PCI) -> Traces:
    """Look where hardware and drivers leave traces; nothing is run."""
    driver = Path("/proc/driver/nvidia/version").exists() or bool(shutil.which("nvidia-smi"))
    cards = set(_pci_cards(pci))
    if driver:  # also if a container or Windows hides the bus
        cards.add("NVIDIA")
    if platform.system() == "Darwin" and platform.machine() == "arm64":
        cards.add("Apple")
    vulkan = Path("/dev/dri").exists() and bool(ctypes.util.find_library("vulkan"))
    return Traces(frozenset(cards), driver, vulkan)


def _pci_cards(devices: Path) -> list[str]:
    """Return the makers of what Linux lists as display controllers and accelerators."""
    found = []
    for device in devices.glob("*"):
        try:
            kind = (device / "class").read_text(encoding="ascii")
            vendor = (device / "vendor").read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError):
            continue
        if kind.startswith((_DISPLAY, _ACCELERATOR)) and vendor in _VENDORS:
            found.append(_VENDORS[vendor])
    return found
