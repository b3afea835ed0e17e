"""Which quantization of a model suits computers that people have: by the planner, as here."""

from collections.abc import Iterator, Mapping, Sequence

from localqwq.gguf.facts import ModelFacts
from localqwq.hardware.machine import Device, Machine
from localqwq.models.choosing import scaled
from localqwq.models.outlook import Outlook
from localqwq.models.suiting import suiting_here
from localqwq.packs.publish.details import Advice
from localqwq.planning.plan import Plan

_SIZES = (16, 24, 32, 48)
"""GiB of memory."""
_BESIDE = 32
"""GiB of main memory beside a graphics card, at least."""
_LARGE_MAC = 36
"""GiB from which macOS lends its GPU three quarters of the memory instead of two thirds."""


def advice(known: Sequence[ModelFacts], sizes: Mapping[str, int]) -> list[Advice]:
    """Return which of a model's quantizations to take.

    Args:
        known: the facts of at least one quantization; those of others are derived from it.
        sizes: the bytes of all quantizations.
    """
    by_quant = {facts.quant: facts for facts in known}
    facts = [by_quant.get(quant) or scaled(known[0], quant, size) for quant, size in sizes.items()]
    return [
        Advice(
            f"{size} GB",
            tuple(_shown(suiting_here(facts, Outlook(one))) for one in _computers(size)),
        )
        for size in _SIZES
    ]


def _computers(size: int) -> Iterator[Machine]:
    """Yield machines with so much memory: on a graphics card, shared with a GPU, without one."""
    memory, beside = size << 30, max(size, _BESIDE) << 30
    yield _machine(beside, Device("CUDA0", "a graphics card", "GPU", memory, memory))
    lent = memory * 3 // 4 if size >= _LARGE_MAC else memory * 2 // 3
    yield _machine(memory, Device("MTL0", "a Mac's GPU", "GPU", lent, lent))
    yield _machine(memory)


def _machine(memory: int, *devices: Device) -> Machine:
    # At rest, nearly all of it is available.
    return Machine("a processor", 8, 8, memory, 0, devices)


def _shown(found: Plan | None) -> str:
    if found is None:
        return "none fits"
    words = f"{found.facts.quant}, {found.context:,} tokens"
    if 0 < found.gpu_layers < found.layers_total:
        words += f", {found.gpu_layers} of {found.layers_total} layers on it"
    elif not found.gpu_layers and found.devices:
        words += ", on the processor"
    return words
