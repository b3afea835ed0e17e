"""Which kind of attention is computed, and for how many tokens at a time."""

from typing import Literal

FlashMode = Literal["auto", "on", "off"]


def uses_flash(
    kv_type: str, gpu_layers: int, mode: FlashMode = "auto", *, on_processor: bool = False
) -> bool:
    """Return whether to use flash attention, which needs no matrix of all tokens against all.

    A quantized cache requires it, and devices are faster with it. Processors differ: on some it
    reads prompts a quarter faster, on others each token of a long answer takes several times as
    long. ``on_processor`` is what was measured on this one (``engine.probing.attention_times``).
    """
    if kv_type != "f16":
        return True
    return mode == "on" or (mode == "auto" and (gpu_layers > 0 or on_processor))


def batch_size(flash: bool, cells: int) -> int:
    """Return the maximum tokens of one decode call with room for ``cells`` tokens in the cache.

    Without ``flash``, the attention matrix grows with both numbers; beyond 32,768 tokens its size
    is kept constant. The processor prefills as fast in batches of 128 as of 512 tokens
    (``bench.attention``).
    """
    if flash:
        return 512
    return max(32, min(128, 128 * 32_768 // cells))
