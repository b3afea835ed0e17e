"""What llama.cpp's compute buffers take, by what a place computes in them.

ggml packs all that a graph holds at one time into one buffer for each place. How many hidden states
that is was read off dry loads of ten shapes, from SmolLM2-135M to QwQ-32B, on the processor and on
one to three devices (ggml's RPC, and Vulkan on Mesa's lavapipe). It is the same number for all of
them, to within the rounding of llama.cpp's log; where ggml packs better, one of them less. Without
flash attention, which only the processor alone does, it was read off seven shapes.
``python -m bench.compute_constants`` reads them off again.
"""

from dataclasses import dataclass
from enum import StrEnum

from localqwq.gguf.facts import ModelFacts
from localqwq.planning.memory import ContextSettings, kv_layer_bytes


class Role(StrEnum):
    """What a place computes in its buffer."""

    ALONE = "alone"
    """The host, which computes every layer."""
    PROCESSOR = "processor"
    """The host, which computes some layers."""
    HELPED = "helped"
    """The host, which has some layers, and a device that computes them where batches are large."""
    INPUTS = "inputs"
    """The host, of which devices compute every layer."""
    START = "start"
    """The device with the first layer."""
    MIDDLE = "middle"
    """A device that gets hidden states from elsewhere."""
    HELPER = "helper"
    """Such a device that computes large batches for the host, too."""
    PIPE_INPUTS = "pipe inputs"
    """``INPUTS`` where llama.cpp works on several batches at a time."""
    PIPE_START = "pipe start"
    """``START`` there."""
    PIPE_MIDDLE = "pipe middle"
    """``MIDDLE`` there."""


@dataclass(frozen=True, slots=True)
class _Holding:
    """What is in a buffer at the worst moment."""

    hidden: int
    """States of all tokens of a batch; inputs and outputs of layers."""
    queries: bool = True
    layers: bool = True
    """Whether there are feed-forward networks to compute."""
    copies: int = 1
    """Of the inputs; those of other places' hidden states are among ``hidden``."""


_COPIES = 4  # GGML_SCHED_MAX_COPIES
HOLDINGS: dict[Role, _Holding] = {
    Role.ALONE: _Holding(3),
    Role.PROCESSOR: _Holding(3),
    Role.HELPED: _Holding(2, queries=False, layers=False),
    Role.INPUTS: _Holding(2, queries=False, layers=False),
    Role.START: _Holding(2),
    Role.MIDDLE: _Holding(2, queries=False),
    Role.HELPER: _Holding(
        6, queries=False
    ),  # the most that was found: holes are left where weights were
    Role.PIPE_INPUTS: _Holding(1 + _COPIES, queries=False, layers=False, copies=_COPIES),
    Role.PIPE_START: _Holding(2 + _COPIES, copies=_COPIES),
    Role.PIPE_MIDDLE: _Holding(2 + 2 * _COPIES, copies=_COPIES),
}
_INDICES = 20
"""Bytes for each token: its position, and where its key and its value go."""
_SMALLEST_ROTATION = 64
_KEYS_COPIED = 3
"""A layer's keys, its values, and a hole of that size: the next layer's do not fit where others
were."""


def compute_bytes(facts: ModelFacts, settings: ContextSettings, role: Role) -> int:
    """Bytes of the compute buffer of a place in this role.

    The inputs (attention mask, indices, and with a quantized KV cache the matrices that rotate keys
    and values), the hidden states, and the larger of a layer's feed-forward network and the logits.
    A helper has copies, too: of the matrix that it multiplies by, and of keys and values.
    """
    if not settings.flash:
        return _without_flash(facts, settings)
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
        states -= 1  # what is rotated goes where a hidden state was
    largest = max(network, logits)
    if role == Role.HELPER:
        copies = _KEYS_COPIED * kv_layer_bytes(facts, settings) // 2
        largest = max(network + facts.largest_matrix, logits, copies)
    return holding.copies * inputs + states * hidden + largest


def _without_flash(facts: ModelFacts, settings: ContextSettings) -> int:
    """The same where attention is a matrix, for each head, of a batch's tokens by all in the cache.

    Values lie in the cache by their elements, so each of them has an index of its own.
    """
    tokens = settings.batch_tokens
    scores = 4 * facts.heads * settings.cells * tokens
    queries = 4 * tokens * facts.heads * facts.key_length
    inputs = tokens * (4 * settings.cells + _INDICES + 8 * facts.kv_heads * facts.value_length)
    logits = 4 * settings.sequences * facts.vocabulary
    network = 3 * 4 * tokens * facts.feed_forward
    hidden = 3 * 4 * tokens * facts.embedding
    return inputs + hidden + max(scores + 2 * queries, network, logits)


def _rotations(facts: ModelFacts, settings: ContextSettings) -> int:
    """The Hadamard matrices (``llama_kv_cache::build_input_k_rot`` and ``…_v_rot``)."""
    if settings.kv_type == "f16" or facts.key_length % _SMALLEST_ROTATION:
        return 0
    keys = _SMALLEST_ROTATION
    while facts.key_length % (2 * keys) == 0:
        keys *= 2
    return 4 * (keys**2 + _SMALLEST_ROTATION**2)
