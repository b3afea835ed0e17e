"""Which kind of attention is computed, and for how many tokens at a time."""

from typing import Literal

FlashMode = Literal["auto", "on", "off"]


def uses_flash(
    kv_type: str,
    gpu_layers: int,
    mode: FlashMode = "auto",
    *,
    on_processor: bool = False,
    on_devices: bool = True,
) -> bool:
    """Return whether to use flash attention, which needs no matrix of all tokens against all.

    A quantized cache requires it, and most devices are faster with it. Processors differ: on some
    it reads prompts a quarter faster, on others each token of a long answer takes several times as
    long. ``on_processor`` and ``on_devices`` are what was measured on these
    (``engine.probing.attention_times`` and ``device_attention``).
    """
    if kv_type != "f16":
        return True
    return mode == "on" or (mode == "auto" and (on_devices if gpu_layers else on_processor))


def batch_size(flash: bool, cells: int) -> int:
    """Return the maximum tokens of one decode call with room for ``cells`` tokens in the cache.

    Without ``flash``, the attention matrix grows with both numbers; beyond 32,768 tokens its size
    is kept constant. The processor prefills as fast in batches of 128 as of 512 tokens
    (``bench.attention``).
    """
    if flash:
        return 512
    return max(32, min(128, 128 * 32_768 // cells))
