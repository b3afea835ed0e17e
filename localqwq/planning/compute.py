"""The size of llama.cpp's compute buffers, by the role of a place.

ggml packs everything that a graph needs at one time into one buffer per place. The number of hidden
states in it was taken from dry loads of ten model shapes, from SmolLM2-135M to QwQ-32B, on the
processor and on one to three devices (ggml's RPC, and Vulkan on Mesa's lavapipe). It is the same
for all of them, to within the rounding of llama.cpp's log; where ggml packs better, it is one less.
Without flash attention, it was taken from seven shapes on a processor and from four on Vulkan.
``python -m bench.compute_constants`` measures the constants again.
"""

from dataclasses import dataclass
from enum import StrEnum

from localqwq.gguf.facts import ModelFacts
from localqwq.planning.memory import ContextSettings, kv_layer_bytes


class Role(StrEnum):
    """What a place computes in its buffer."""

    ALONE = "alone"
    """The host, computing every layer."""
    PROCESSOR = "processor"
    """The host, computing some layers."""
    HELPED = "helped"
    """The host with some layers, whose large batches are computed by a device."""
    INPUTS = "inputs"
    """The host, if devices compute every layer."""
    START = "start"
    """The device with the first layer."""
    MIDDLE = "middle"
    """A device that receives hidden states from elsewhere."""
    HELPER = "helper"
    """A device like ``MIDDLE`` that also computes large batches for the host."""
    PIPE_INPUTS = "pipe inputs"
    """``INPUTS``, if llama.cpp processes several batches at a time."""
    PIPE_START = "pipe start"
    """``START``, if llama.cpp processes several batches at a time."""
    PIPE_MIDDLE = "pipe middle"
    """``MIDDLE``, if llama.cpp processes several batches at a time."""


@dataclass(frozen=True, slots=True)
class _Holding:
    """The contents of a buffer at its peak."""

    hidden: int
    """Hidden states of all tokens of a batch: inputs and outputs of layers."""
    queries: bool = True
    layers: bool = True
    """Whether feed-forward networks are computed."""
    copies: int = 1
    """Copies of the inputs; hidden states of other places are counted in ``hidden``."""


_COPIES = 4  # GGML_SCHED_MAX_COPIES
HOLDINGS: dict[Role, _Holding] = {
    Role.ALONE: _Holding(3),
    Role.PROCESSOR: _Holding(3),
    Role.HELPED: _Holding(2, queries=False, layers=False),
    Role.INPUTS: _Holding(2, queries=False, layers=False),
    Role.START: _Holding(2),
    Role.MIDDLE: _Holding(2, queries=False),
    Role.HELPER: _Holding(6, queries=False),  # the maximum found: holes remain where weights were
    Role.PIPE_INPUTS: _Holding(1 + _COPIES, queries=False, layers=False, copies=_COPIES),
    Role.PIPE_START: _Holding(2 + _COPIES, copies=_COPIES),
    Role.PIPE_MIDDLE: _Holding(2 + 2 * _COPIES, copies=_COPIES),
}
_INDICES = 20
"""Bytes per token: its position, and where its key and value go."""
_SMALLEST_ROTATION = 64
_KEYS_COPIED = 3
"""A layer's keys, its values, and a hole of that size, because the next layer's do not fit
there.
"""


def compute_bytes(facts: ModelFacts, settings: ContextSettings, role: Role) -> int:
    """Return the bytes of the compute buffer of a place in this role.

    It contains the inputs (attention mask, indices, and with a quantized KV cache the matrices that
    rotate keys and values), the hidden states, and the larger of a layer's feed-forward network and
    the logits. A helper also has copies of the matrix it multiplies by, and of keys and values.
    """
    if not settings.flash:
        return _without_flash(facts, settings, role)
    holding = HOLDINGS[role]
    tokens = settings.batch_tokens
    hidden = 4 * tokens * facts.embedding
    queries = 4 * tokens * facts.heads * facts.key_length
    inputs = tokens * (2 * settings.cells + _INDICES) + _rotations(facts, settings)
    if not holding.layers:
        return holding.copies * inputs + holding.hidden * hidden
    network = 3 * 4 * tokens * facts.feed_forward
    if holding.queries:
        network += queries
    logits = 4 * settings.sequences * facts.vocabulary
    states = holding.hidden
    if holding.queries and queries == hidden and _rotations(facts, settings):
        states -= 1  # rotated values go where a hidden state was
    largest = max(network, logits)
    if role == Role.HELPER:
        copies = _KEYS_COPIED * kv_layer_bytes(facts, settings) // 2
        largest = max(network + facts.largest_matrix, logits, copies)
    return holding.copies * inputs + states * hidden + largest


def _without_flash(facts: ModelFacts, settings: ContextSettings, role: Role) -> int:
    """Return the same for attention as a matrix, per head, of a batch's tokens by all in the cache.

    Values are stored by element in the cache, so each of them has its own index. A helper's copies
    of keys and values are there together with the matrix.
    """
    holding = HOLDINGS[role]
    tokens = settings.batch_tokens
    scores = 4 * facts.heads * settings.cells * tokens
    queries = 4 * tokens * facts.heads * facts.key_length
    inputs = tokens * (4 * settings.cells + _INDICES + 8 * facts.kv_heads * facts.value_length)
    hidden = 4 * tokens * facts.embedding
    if not holding.layers:
        return holding.copies * inputs + holding.hidden * hidden
    logits = 4 * settings.sequences * facts.vocabulary
    network = 3 * 4 * tokens * facts.feed_forward
    states, attention = holding.hidden, scores + 2 * queries
    if role == Role.HELPER:
        states = 2
        attention = scores + _KEYS_COPIED * kv_layer_bytes(facts, settings) // 2
    return holding.copies * inputs + states * hidden + max(attention, network, logits)


def _rotations(facts: ModelFacts, settings: ContextSettings) -> int:
    """Return the bytes of the Hadamard matrices (``llama_kv_cache::build_input_k_rot``,
    ``…_v_rot``).
    """
    if settings.kv_type == "f16" or facts.key_length % _SMALLEST_ROTATION:
        return 0
    keys = _SMALLEST_ROTATION
    while facts.key_length % (2 * keys) == 0:
        keys *= 2
    return 4 * (keys**2 + _SMALLEST_ROTATION**2)
