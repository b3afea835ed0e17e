"""Which kind of attention is computed, and by how many tokens at a time."""


def uses_flash(kv_type: str, gpu_layers: int) -> bool:
    """Whether flash attention is used: it needs no matrix of all tokens against all.

    A quantized cache cannot do without, and devices are faster with it. The processor alone is
    not: there it takes two to four times as long for each token of an answer, once a thought has
    become long (``python -m bench.attention``).
    """
    return kv_type != "f16" or gpu_layers > 0


def batch_size(flash: bool) -> int:
    """Most tokens of one decode call: without ``flash``, that matrix grows with it.

    The processor reads prompts as fast by 128 as by 512 tokens (``python -m bench.attention``).
    """
    return 512 if flash else 128
