"""Whether weights are rearranged for the processor, and the additional memory that it takes."""

from typing import Literal

from localqwq.gguf.facts import ModelFacts
from localqwq.hardware.machine import Machine

RepackMode = Literal["auto", "on", "off"]

_AMX = "AMX"
_GROWTH = {"Q8_0": (4, 34), "Q4_K": (4, 144), "Q5_K": (4, 176), "IQ4_XS": (2, 136)}
"""Bytes that AMX adds to each block, and the block's own (``get_row_size``, ggml's
``amx/mmq.cpp``); other types and kinds of memory add none.
"""


def is_worth_repacking(machine: Machine) -> bool:
    """Return whether answers are written faster with rearranged weights; also if not measured.

    Only answers count, since most of a reasoning model's time goes into them. Prompts may be read
    more slowly: on an AMD EPYC (Zen 4), Q4_K writes a third faster rearranged, and reads at three
    fifths of the speed (``bench.full_shape``).
    """
    rearranged, mapped = machine.ram_bandwidth, machine.mapped_bandwidth
    return rearranged is None or mapped is None or rearranged > mapped


def packing_bytes(facts: ModelFacts, machine: Machine) -> tuple[int, ...]:
    """Return the bytes by which each layer, and last the output, grows when rearranged."""
    if _AMX not in machine.cpu_buffers or not facts.matrix_bytes:
        return (0,) * (facts.layers + 1)
    return tuple(
        sum(size // _GROWTH[kind][1] * _GROWTH[kind][0] for kind, size in one if kind in _GROWTH)
        for one in facts.matrix_bytes
    )
