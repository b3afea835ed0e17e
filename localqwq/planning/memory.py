"""How many bytes a context takes, beside the weights, and how many are better left alone."""

from dataclasses import dataclass, replace
from typing import Literal, Self

from localqwq.errors import LocalqwqError
from localqwq.gguf.facts import ModelFacts
from localqwq.planning.attention import batch_size

MIB, GIB = 1 << 20, 1 << 30
IDLE_SEQUENCES = 4
"""Finished sequences that the engine may keep beside those that run.

Each costs a row of logits, and its tokens cost a look at every step."""
KvType = Literal["f16", "q8_0", "q4_0"]
_PADDING = 256  # llama.cpp rounds contexts up to a multiple of it
_TOKEN_BYTES = 291  # of a vocabulary with its merges: 291 for Qwen2.5's, 285 for SmolLM2's
_LAYER_BYTES = 88 << 10  # of two graphs: 88 KiB for QwQ, 60 KiB for SmolLM2
_UNICODE = 2 * 0x110000  # the kind of every code point, two bytes each (unicode_cpt_flags_array)
_LIBRARIES = 37 * MIB // 20  # scheduler, threads, what the libraries keep for themselves
_LARGEST_MARGIN = 2 * GIB  # cards with more than 40 GiB drive no display


@dataclass(frozen=True, slots=True)
class ContextSettings:
    """What a context is made for: all that its memory depends on, but the model."""

    context: int
    """Tokens, shared by all sequences (llama.cpp's ``kv_unified``)."""
    kv_type: KvType = "f16"
    """Of keys and values both."""
    parallel: int = 1
    """Requests that are computed at the same time."""
    flash: bool = True
    """With flash attention, see :func:`uses_flash`."""
    most_batch: int | None = None
    """Most tokens of one decode call; None: what suits the attention."""

    def with_context(self, context: int) -> Self:
        """The same for so many tokens."""
        return replace(self, context=context)

    @property
    def batch(self) -> int:
        """Most tokens of one decode call."""
        return min(self.most_batch or batch_size(self.flash, self.cells), self.cells)

    @property
    def cells(self) -> int:
        """Tokens that there will be room for."""
        return padded(self.context)

    @property
    def sequences(self) -> int:
        """As many as the context is made for; each may ask for one row of logits."""
        return self.parallel + IDLE_SEQUENCES

    @property
    def batch_tokens(self) -> int:
        """Tokens of the largest batch, the same number for each sequence."""
        return -(-min(self.batch, self.cells) // self.sequences) * self.sequences


def padded(context: int) -> int:
    """The tokens that llama.cpp makes room for when asked for ``context``."""
    return -(-context // _PADDING) * _PADDING


def kv_layer_bytes(facts: ModelFacts, settings: ContextSettings) -> int:
    """Bytes of KV cache that one layer keeps.

    Raises:
        LocalqwqError: this model's keys or values do not fill blocks of that type.
    """
    return facts.kv_bytes_per_token(settings.kv_type) // facts.layers * settings.cells


def can_keep(facts: ModelFacts, kv_type: KvType) -> bool:
    """Whether a KV cache of this type can hold the model's keys and values."""
    try:
        facts.kv_bytes_per_token(kv_type)
    except LocalqwqError:
        return False
    return True


def output_bytes(facts: ModelFacts, settings: ContextSettings) -> int:
    """Bytes of the buffer on the host that the logits are read from."""
    return 4 * facts.vocabulary * settings.sequences


def bookkeeping_bytes(facts: ModelFacts, settings: ContextSettings) -> int:
    """Bytes on the host that are in none of llama.cpp's buffers, as measured.

    The vocabulary's tables and Unicode's, the graphs, what its libraries keep for themselves, and
    the widest of what the processor multiplies: one batch of a layer's activations in eight bits
    or, without flash attention, of its scores in F16. Their code is not counted, some 2 MiB: the
    system has it once for all programs, and drops what is not run.
    """
    activations = settings.batch_tokens * facts.feed_forward * 9 // 8
    if not settings.flash:
        scores = 2 * facts.heads * settings.cells * settings.batch_tokens
        activations = max(activations, scores)
    tables = _TOKEN_BYTES * facts.vocabulary + _UNICODE
    return tables + _LAYER_BYTES * facts.layers + _LIBRARIES + activations


def device_margin(free: int, total: int) -> int:
    """Bytes of a GPU to leave alone: a display and other programs use it too."""
    return _margin(free, min(max(GIB, total // 20), _LARGEST_MARGIN))


def host_margin(available: int, total: int) -> int:
    """Bytes of main memory to leave to everything else, this program itself included."""
    return _margin(available, max(2 * GIB, total // 10))


def _margin(free: int, wanted: int) -> int:
    # A quarter of little memory at most: small models run on small machines.
    return min(wanted, free // 4)
