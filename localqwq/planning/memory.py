"""How many bytes a context takes, beside the weights, and how many are better left alone."""

from localqwq.gguf.facts import ModelFacts

MIB, GIB = 1 << 20, 1 << 30
BATCH = 512
"""Tokens of one decode call, the engine's default."""
_PADDING = 256  # llama.cpp rounds contexts up to a multiple of it


def padded(context: int) -> int:
    """The tokens that llama.cpp makes room for when asked for ``context``."""
    return -(-context // _PADDING) * _PADDING


def kv_layer_bytes(facts: ModelFacts, context: int) -> int:
    """Bytes of KV cache in F16 that one layer keeps for a context of so many tokens."""
    return facts.kv_bytes_per_token() // facts.layers * padded(context)


def compute_bytes(facts: ModelFacts, context: int) -> int:
    """Bytes of llama.cpp's compute buffer on a device, with flash attention and an F16 KV cache.

    The closed form of measured buffers: the larger of the logits (of one token, which is what the
    engine keeps) and of a layer's feed-forward and attention mask, beside the hidden states.
    """
    tokens = min(BATCH, padded(context))
    logits = 4 * facts.vocabulary
    layer = 4 * tokens * (3 * facts.feed_forward + 2 * facts.embedding)
    mask = 2 * tokens * padded(context)
    return 8 * tokens * facts.embedding + max(logits, layer + mask)


def device_margin(free: int, total: int) -> int:
    """Bytes of a GPU to leave alone: a display and other programs use it too."""
    return _margin(free, max(GIB, total // 20))


def host_margin(available: int, total: int) -> int:
    """Bytes of main memory to leave to everything else."""
    return _margin(available, max(2 * GIB, total // 10))


def _margin(free: int, wanted: int) -> int:
    # A quarter of little memory at most: small models run on small machines.
    return min(wanted, free // 4)
