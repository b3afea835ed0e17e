"""The bytes that a context takes besides the weights, and the margins to keep free."""

from dataclasses import dataclass, replace
from typing import Literal, Self

from localqwq.errors import LocalqwqError
from localqwq.gguf.facts import ModelFacts
from localqwq.planning.attention import batch_size

MIB, GIB = 1 << 20, 1 << 30
IDLE_SEQUENCES = 4
"""Finished sequences that the engine may keep beside running ones.

Each costs a row of logits, and its tokens are scanned at every step.
"""
KvType = Literal["f16", "q8_0", "q4_0"]
LoadMode = Literal["mmap", "read", "lock"]
"""How weights get from the file into memory: mapped, read, or read and locked."""
_PADDING = 256  # llama.cpp rounds contexts up to a multiple of it
_TOKEN_BYTES = 291  # of a vocabulary with its merges: 291 for Qwen2.5's, 285 for SmolLM2's
_LAYER_BYTES = 88 << 10  # of two graphs: 88 KiB for QwQ, 60 KiB for SmolLM2
_UNICODE = 2 * 0x110000  # the kind of every code point, two bytes each (unicode_cpt_flags_array)
_LIBRARIES = 37 * MIB // 20  # scheduler, threads, the libraries' own data
_LARGEST_MARGIN = 2 * GIB  # cards with more than 40 GiB drive no display


@dataclass(frozen=True, slots=True)
class ContextSettings:
    """Everything that a context's memory depends on, except the model."""

    context: int
    """Context in tokens, shared by all sequences (llama.cpp's ``kv_unified``)."""
    kv_type: KvType = "f16"
    """Type of both keys and values."""
    parallel: int = 1
    """Number of concurrent requests."""
    flash: bool = True
    """Whether flash attention is used, see :func:`uses_flash`."""
    most_batch: int | None = None
    """Maximum tokens of one decode call; None: what suits the attention."""

    def with_context(self, context: int) -> Self:
        """Return the same settings with this context, in tokens."""
        return replace(self, context=context)

    @property
    def batch(self) -> int:
        """Maximum tokens of one decode call."""
        return min(self.most_batch or batch_size(self.flash, self.cells), self.cells)

    @property
    def cells(self) -> int:
        """Tokens that there is room for."""
        return padded(self.context)

    @property
    def sequences(self) -> int:
        """Number of sequences in the context; each may request one row of logits."""
        return self.parallel + IDLE_SEQUENCES

    @property
    def batch_tokens(self) -> int:
        """Tokens of the largest batch, the same number for each sequence."""
        return -(-min(self.batch, self.cells) // self.sequences) * self.sequences


def padded(context: int) -> int:
    """Return the tokens that llama.cpp makes room for when asked for ``context``."""
    return -(-context // _PADDING) * _PADDING


def rounding(context: int) -> str:
    """Return a sentence on the tokens there is room for, if they are not the ``context`` asked for;
    else an empty text.
    """
    cells = padded(context)
    if cells == context:
        return ""
    return f"Contexts come in steps of {_PADDING} tokens: {context:,} is rounded up to {cells:,}."


def kv_layer_bytes(facts: ModelFacts, settings: ContextSettings) -> int:
    """Return the bytes of KV cache of one layer.

    Raises:
        LocalqwqError: this model's keys or values do not fill blocks of that type.
    """
    return facts.kv_bytes_per_token(settings.kv_type) // facts.layers * settings.cells


def kv_tensor_bytes(facts: ModelFacts, settings: ContextSettings) -> int:
    """Return the bytes of the larger of the two tensors with one layer's keys and values."""
    lengths = facts.key_length, facts.value_length
    return kv_layer_bytes(facts, settings) * max(lengths) // sum(lengths)


def can_keep(facts: ModelFacts, kv_type: KvType) -> bool:
    """Return whether a KV cache of this type can store the model's keys and values."""
    try:
        facts.kv_bytes_per_token(kv_type)
    except LocalqwqError:
        return False
    return True


def output_bytes(facts: ModelFacts, settings: ContextSettings) -> int:
    """Return the bytes of the logits buffer on the host."""
    return 4 * facts.vocabulary * settings.sequences


def bookkeeping_bytes(facts: ModelFacts, settings: ContextSettings) -> int:
    """Return the measured bytes on the host outside llama.cpp's buffers.

    The tables of the vocabulary and of Unicode, the graphs, the libraries' own data, and the widest
    input of the processor's products: one batch of a layer's activations in eight bits or, without
    flash attention, of its scores in F16. Program code, some 2 MiB, is not counted: the system
    shares it between programs and evicts unused pages.
    """
    activations = settings.batch_tokens * facts.feed_forward * 9 // 8
    if not settings.flash:
        scores = 2 * facts.heads * settings.cells * settings.batch_tokens
        activations = max(activations, scores)
    tables = _TOKEN_BYTES * facts.vocabulary + _UNICODE
    return tables + _LAYER_BYTES * facts.layers + _LIBRARIES + activations


def device_margin(free: int, total: int) -> int:
    """Return the bytes of a GPU to keep free for a display and other programs."""
    return _margin(free, min(max(GIB, total // 20), _LARGEST_MARGIN))


def host_margin(available: int, total: int) -> int:
    """Return the bytes of main memory to keep free for everything else, including this program."""
    return _margin(available, max(2 * GIB, total // 10))


def _margin(free: int, wanted: int) -> int:
    # At most a quarter of little memory: small models run on small machines.
    return min(wanted, free // 4)
