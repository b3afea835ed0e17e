"""Block sizes and names of ggml's tensor types, as the ``gguf`` package lists them."""

from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType, LlamaFileType

BLOCKS: dict[str, tuple[int, int]] = {kind.name: sizes for kind, sizes in GGML_QUANT_SIZES.items()}
"""Elements and bytes of one block, by type name (``Q4_K``: 256 elements in 144 bytes)."""

TYPE_NAMES: dict[int, str] = {kind.value: kind.name for kind in GGMLQuantizationType}
"""Type names by the number that a GGUF stores for a tensor."""

FILE_TYPE_NAMES: dict[int, str] = {
    kind.value: kind.name.removeprefix("MOSTLY_").removeprefix("ALL_") for kind in LlamaFileType
}
"""Quantization names, such as ``Q4_K_M``, by the number in ``general.file_type``."""


def row_bytes(type_name: str, elements: int) -> int:
    """Return the bytes of a row of ``elements`` values.

    Raises:
        ValueError: ``elements`` is not a multiple of the type's block.
    """
    block, size = BLOCKS[type_name]
    if elements % block:
        raise ValueError(f"{elements} is not a multiple of {type_name}'s block of {block}")
    return elements // block * size
