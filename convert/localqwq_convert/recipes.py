"""Which ggml type each tensor gets in each quantization: llama.cpp's own rules, as pure functions.

The rules are those of ``llama_tensor_get_type`` in llama.cpp's ``src/llama-quant.cpp`` and of
``convert_hf_to_gguf.py``, so that files come out the same as from llama.cpp's tools.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from localqwq.errors import LocalqwqError
from localqwq.gguf.types import BLOCKS, FILE_TYPE_NAMES

QUANTIZATIONS = ("BF16", "F16", "F32", "Q8_0", "Q4_K_M")
"""What can be asked for; the names are llama.cpp's."""

_FILE_TYPES = {name: number for number, name in FILE_TYPE_NAMES.items()}
_LAYER = re.compile(r"blk\.(\d+)\.")
_FALLBACK = {"Q4_K": "Q5_0", "Q5_K": "Q5_1", "Q6_K": "Q8_0"}
"""What llama.cpp takes instead where rows are no whole number of 256-element blocks."""
_SEVENTY_BILLION_LAYERS = 80
"""llama.cpp recognises the largest Qwen2 models by this and gives them better value tensors."""


@dataclass(frozen=True, slots=True)
class Layout:
    """What a recipe has to know of the model besides the tensor."""

    layers: int
    tied: bool
    """The token embedding is the output matrix too."""


def file_type(quantization: str) -> int:
    """The number that ``general.file_type`` has for a quantization."""
    return _FILE_TYPES[quantization]


def is_block_quantization(quantization: str) -> bool:
    """Whether llama.cpp would make it with its quantizer, not when it converts."""
    return quantization not in ("BF16", "F16", "F32")


def check_quantizations(names: Iterable[str]) -> list[str]:
    """The quantizations by their proper names, each once, in the order asked for.

    Raises:
        LocalqwqError: an unknown one; the sentence lists the known.
    """
    chosen = dict.fromkeys(name.upper() for name in names)
    for name in chosen:
        if name not in QUANTIZATIONS:
            raise LocalqwqError(
                f"There is no quantization {ascii(name)[:60]}: choose from "
                f"{', '.join(QUANTIZATIONS)}."
            )
    return list(chosen)


def tensor_type(quantization: str, name: str, shape: tuple[int, ...], layout: Layout) -> str:
    """The ggml type of a tensor in a file of this quantization.

    Args:
        quantization: one of ``QUANTIZATIONS``.
        name: the tensor's name in GGUF.
        shape: extents in row-major order: the row length last.
        layout: the model it is a part of.
    """
    if len(shape) < 2 or name.endswith("_norm.weight") or not name.endswith(".weight"):
        return "F32"
    match quantization:
        case "BF16" | "F16" | "F32":
            return quantization
        case "Q8_0":
            return _fitting("Q8_0", shape[-1])
        case _:
            return _q4_k_m(name, shape[-1], layout)


def _q4_k_m(name: str, columns: int, layout: Layout) -> str:
    if name == "output.weight" or (layout.tied and name == "token_embd.weight"):
        # The output matrix is most sensitive; llama.cpp skips Q6_K's usual fallback here.
        return _fitting("Q8_0" if columns % BLOCKS["Q4_K"][0] else "Q6_K", columns)
    layer = _LAYER.match(name)
    if layer and name.endswith(("attn_v.weight", "ffn_down.weight")):
        if gets_more_bits(int(layer[1]), layout.layers):
            return _fitting("Q6_K", columns)
        if layout.layers == _SEVENTY_BILLION_LAYERS and name.endswith("attn_v.weight"):
            return _fitting("Q5_K", columns)
    return _fitting("Q4_K", columns)


def gets_more_bits(layer: int, layers: int) -> bool:
    """Whether a layer's value and down projections get a better type: ``use_more_bits``.

    The first and last eighth of the layers do, and every third between them.
    """
    eighth = layers // 8
    return layer < eighth or layer >= 7 * layers // 8 or (layer - eighth) % 3 == 2


def _fitting(type_name: str, columns: int) -> str:
    """The type itself, or the nearest whose blocks fill rows of ``columns`` elements."""
    if columns % BLOCKS[type_name][0] == 0:
        return type_name
    smaller = _FALLBACK.get(type_name)
    if smaller and columns % BLOCKS[smaller][0] == 0:
        return smaller
    return "F16"
