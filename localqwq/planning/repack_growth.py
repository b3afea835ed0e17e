"""The additional memory of weights rearranged for the processor."""

from localqwq.gguf.facts import ModelFacts
from localqwq.hardware.machine import Machine

_AMX = "AMX"
_GROWTH = {"Q8_0": (4, 34), "Q4_K": (4, 144), "Q5_K": (4, 176), "IQ4_XS": (2, 136)}
"""Bytes that AMX adds to each block, and the block's own (``get_row_size``, ggml's
``amx/mmq.cpp``); other types and kinds of memory add none.
"""


def packing_bytes(facts: ModelFacts, machine: Machine) -> tuple[int, ...]:
    """Return the bytes by which each layer, and last the output, grows when rearranged."""
    if _AMX not in machine.cpu_buffers or not facts.matrix_bytes:
        return (0,) * (facts.layers + 1)
    return tuple(
        sum(size // _GROWTH[kind][1] * _GROWTH[kind][0] for kind, size in one if kind in _GROWTH)
        for one in facts.matrix_bytes
    )
