"""Which kind of attention is computed, and by how many tokens at a time."""


def uses_flash(kv_type: str, gpu_layers: int) -> bool:
    """Whether flash attention is used: it needs no matrix of all tokens against all.

    A quantized cache cannot do without, and devices are faster with it. The processor alone is
    not: there it takes two to four times as long for each token of an answer, once a thought has
    become long (``python -m bench.attention``).
    """
    return kv_type != "f16" or gpu_layers > 0


def batch_size(flash: bool, cells: int) -> int:
    """Most tokens of one decode call, where the cache has room for so many ``cells``.

    Without ``flash``, that matrix grows with both: beyond 32,768 tokens it stays as large as it is
    there. The processor reads prompts as fast by 128 as by 512 tokens (``bench.attention``).
    """
    if flash:
        return 512
    return max(32, min(128, 128 * 32_768 // cells))
