"""Rejecting checkpoints whose weights are quantized: converting them would quantize twice."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from localqwq.errors import LocalqwqError
from localqwq_convert.safetensors import StoredTensor

PLAIN = ("BF16", "F16", "F32", "F64")
"""Safetensors types with plain numbers."""
_PARTS = {
    ".absmax": "bitsandbytes",
    ".quant_map": "bitsandbytes",
    ".quant_state.bitsandbytes__nf4": "bitsandbytes NF4",
    ".quant_state.bitsandbytes__fp4": "bitsandbytes FP4",
    ".SCB": "bitsandbytes, 8 bits",
    ".qweight": "GPTQ or AWQ",
    ".qzeros": "GPTQ or AWQ",
    ".weight_packed": "compressed-tensors",
    ".weight_scale": "compressed-tensors or FP8",
    ".weight_scale_inv": "FP8",
    ".scales": "MLX, GPTQ or AWQ",
}
"""Further tensors of such checkpoints for each matrix, and who stores them."""
_WAY_OUT = "convert the original checkpoint in BF16, F16 or F32"


def check_configuration(directory: Path, config: Mapping[str, Any]) -> None:
    """Check that a ``config.json`` describes no quantization.

    Raises:
        LocalqwqError: it does; the sentence names the method.
    """
    described = config.get("quantization_config") or config.get("compression_config")
    if isinstance(described, dict) and "quant_method" in described:
        raise _refused(directory, f"method {ascii(described['quant_method'])[:40]}")
    # MLX writes the same under two keys, without a method.
    described = config.get("quantization") or described
    if isinstance(described, dict):
        bits = described.get("bits")
        kind = f"MLX, {bits} bits" if type(bits) is int else "method 'unknown'"
        raise _refused(directory, kind)


def check_types(directory: Path, tensors: Mapping[str, StoredTensor]) -> None:
    """Check that all tensors have plain numbers.

    Raises:
        LocalqwqError: one has not, or belongs to a quantization.
    """
    for tensor in tensors.values():
        maker = next((maker for end, maker in _PARTS.items() if tensor.name.endswith(end)), None)
        if maker:
            raise _refused(directory, f"{maker}; it has a tensor {ascii(tensor.name)[:80]}")
        if tensor.dtype in PLAIN:
            continue
        name = ascii(tensor.name)[:80]
        if tensor.dtype.startswith(("F8", "F6", "F4")):
            raise _refused(directory, f"its tensor {name} is {tensor.dtype}, which needs scales")
        raise LocalqwqError(
            f"{directory} stores the tensor {name} as {tensor.dtype}, and only "
            f"{', '.join(PLAIN)} can be converted; where it is quantized, {_WAY_OUT}."
        )


def _refused(directory: Path, how: str) -> LocalqwqError:
    return LocalqwqError(f"{directory} is quantized already ({how}): {_WAY_OUT}.")
