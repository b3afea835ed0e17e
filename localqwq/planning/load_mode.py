"""How weights get from the file into memory: mapped, read, or read and locked."""

from localqwq.hardware.machine import Machine
from localqwq.planning.memory import LoadMode
from localqwq.planning.placement import Placement, gpus, is_unified

SENTENCES: dict[LoadMode, str] = {
    "mmap": "Weights in main memory are mapped from the file: the system can reclaim it.",
    "read": "The weights are read from the file and kept only on devices.",
    "lock": "Weights in main memory are locked there, so that they are never swapped out.",
}
"""Sentences for people."""
REARRANGED = (
    "Weights in main memory are rearranged for the processor: faster, but the system cannot "
    "reclaim it."
)
"""The sentence for plans that rearrange weights."""


def load_mode(placement: Placement, machine: Machine) -> LoadMode:
    """Return the mode that suits a placement.

    Mapped weights are available at once if they are in the file cache, are shared between
    processes, and can be evicted when other programs need memory. Two cases are better off without:

    - Nothing but the token embedding is left on the host, and the devices have memory of their
      own: llama.cpp then uploads asynchronously from pinned buffers, and only then
      (``llama_model_loader::load_all_data``).
    - The machine swaps, and the person allows this process to lock as much memory as the host's
      part takes and more: then an answer after a pause begins as fast as any other. Half of what
      is free stays for others; locked memory can never be taken back.
    """
    host = placement.host
    used = [
        device for device, load in zip(gpus(machine), placement.devices, strict=True) if load.layers
    ]
    if not host.layers and not any(map(is_unified, used)):
        return "read"
    lockable = min(machine.lockable, host.free) // 2
    if machine.swap_total and host.layers and host.used <= lockable:
        return "lock"
    return "mmap"
