"""Which kind of attention is computed, and for how many tokens at a time."""


def uses_flash(kv_type: str, gpu_layers: int) -> bool:
    """Return whether to use flash attention, which needs no matrix of all tokens against all.

    A quantized cache requires it, and devices are faster with it. A processor alone is not: each
    token of an answer takes two to four times as long there once a thought is long (``python -m
    bench.attention``).
    """
    return kv_type != "f16" or gpu_layers > 0


def batch_size(flash: bool, cells: int) -> int:
    """Return the maximum tokens of one decode call with room for ``cells`` tokens in the cache.

    Without ``flash``, the attention matrix grows with both numbers; beyond 32,768 tokens its size
    is kept constant. The processor prefills as fast in batches of 128 as of 512 tokens
    (``bench.attention``).
    """
    if flash:
        return 512
    return max(32, min(128, 128 * 32_768 // cells))
