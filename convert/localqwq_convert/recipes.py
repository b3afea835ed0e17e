"""The ggml type of each tensor in each quantization: llama.cpp's own rules, as pure functions.

The rules are those of ``llama_tensor_get_type`` in llama.cpp's ``src/llama-quant.cpp`` and of
``convert_hf_to_gguf.py``, so that files are the same as from llama.cpp's tools.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from localqwq.errors import LocalqwqError
from localqwq.gguf.types import BLOCKS, FILE_TYPE_NAMES
from localqwq_convert.mixtures import MIXTURES, Mixture, Place

_PLAIN = ("BF16", "F16", "F32")
"""Quantizations that give every matrix the type they are named after."""
QUANTIZATIONS = (*_PLAIN, *MIXTURES)
"""Supported quantizations, by llama.cpp's names."""
ALIASES = {"Q3_K": "Q3_K_M", "Q4_K": "Q4_K_M", "Q5_K": "Q5_K_M"}
"""Alternative names known to llama.cpp's quantizer."""
TENSOR_TYPES = (
    "F32", "BF16", "F16", "Q8_0", "Q6_K", "Q5_K", "Q5_1", "Q5_0", "Q4_K", "Q4_1", "Q4_0", "IQ4_NL",
    "IQ4_XS", "MXFP4", "Q3_K", "IQ3_S", "IQ3_XXS", "Q2_K", "IQ2_S", "TQ2_0", "IQ2_XS", "IQ2_XXS",
    "IQ1_M", "TQ1_0", "IQ1_S",
)  # fmt: skip
"""All ggml types that a tensor can have."""
NEED_IMATRIX = (
    "IQ3_XS",
    "IQ3_XXS",
    "Q2_K_S",
    "IQ2_M",
    "IQ2_S",
    "IQ2_XS",
    "IQ2_XXS",
    "IQ1_M",
    "IQ1_S",
)
"""Quantizations that are useless, and rejected by llama.cpp, without an importance matrix."""

_FILE_TYPES = {name: number for number, name in FILE_TYPE_NAMES.items()}
_FALLBACK = {
    **dict.fromkeys(
        ("IQ1_S", "IQ1_M", "IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ3_XXS", "IQ3_S", "IQ4_XS"), "IQ4_NL"
    ),
    **dict.fromkeys(("Q2_K", "Q3_K", "TQ1_0", "TQ2_0"), "Q4_0"),
    "Q4_K": "Q5_0", "Q5_K": "Q5_1", "Q6_K": "Q8_0",
}  # fmt: skip
"""llama.cpp's replacements if rows are not a whole number of 256-element blocks."""
_LARGE_LAYERS = 80
"""Number of layers by which llama.cpp recognizes 70B models, which get better value matrices."""
_NEED_IMPORTANCE = ("IQ3_XXS", "IQ2_S", "IQ2_XS", "IQ2_XXS", "IQ1_M", "IQ1_S")
_KERNEL_NEEDS_IMPORTANCE = ("IQ2_XS", "IQ2_XXS", "IQ1_S")
"""Types for which ggml ends the process without importances
(``ggml_quantize_requires_imatrix``).
"""


@dataclass(frozen=True, slots=True)
class Layout:
    """What a recipe needs to know about the model besides its tensors."""

    architecture: str
    """Its name in llama.cpp."""
    layers: int
    heads: int
    """Number of query heads."""
    kv_heads: int
    tied: bool
    """Whether the token embedding is also the output matrix."""

    @property
    def large(self) -> bool:
        """Whether llama.cpp treats it as a 70B model."""
        if self.layers != _LARGE_LAYERS:
            return False
        return self.architecture == "qwen2" or (
            self.architecture == "llama" and self.heads != self.kv_heads
        )


@dataclass(frozen=True, slots=True)
class Override:
    """A type chosen by the user for some tensors."""

    pattern: re.Pattern[str]
    """Regular expression searched for in a tensor's name."""
    type: str
    """One of ``TENSOR_TYPES``."""


def file_type(quantization: str) -> int:
    """Return the ``general.file_type`` of a quantization."""
    return _FILE_TYPES[quantization]


def is_block_quantization(quantization: str) -> bool:
    """Return whether llama.cpp makes it with its quantizer rather than its converter."""
    return quantization not in _PLAIN


def check_quantizations(names: Iterable[str], *, has_imatrix: bool = False) -> list[str]:
    """Return the quantizations under their proper names, each once, in the given order.

    Raises:
        LocalqwqError: an unknown one (the sentence lists the known ones), or one that is useless
            without an importance matrix.
    """
    chosen = list(dict.fromkeys(ALIASES.get(name.upper(), name.upper()) for name in names))
    for name in chosen:
        if name not in QUANTIZATIONS:
            raise LocalqwqError(
                f"There is no quantization {ascii(name)[:60]}: choose from "
                f"{', '.join(QUANTIZATIONS)}."
            )
        if name in NEED_IMATRIX and not has_imatrix:
            raise LocalqwqError(
                f"{name} needs an importance matrix, without which the model would be useless: "
                "give one with --imatrix FILE, or choose another quantization."
            )
    return chosen


def parse_override(text: str) -> Override:
    """Return the override meant by ``PATTERN=TYPE``, as in ``llama-quantize --tensor-type``.

    Raises:
        LocalqwqError: it is malformed; the sentence says why.
    """
    pattern, sign, name = text.rpartition("=")
    if not (sign and pattern and name):
        raise LocalqwqError(
            f"Cannot read the tensor type {ascii(text)[:80]}: write PATTERN=TYPE, such as "
            "attn_v=Q6_K."
        )
    if name.upper() not in TENSOR_TYPES:
        raise LocalqwqError(
            f"There is no tensor type {ascii(name)[:60]}: choose from {', '.join(TENSOR_TYPES)}."
        )
    try:
        # llama-quantize converts patterns to lower case, as tensor names are.
        return Override(re.compile(pattern, re.IGNORECASE), name.upper())
    except (re.error, RecursionError, OverflowError) as error:
        raise LocalqwqError(
            f"The pattern {ascii(pattern)[:80]} is not a regular expression ({error}): write "
            "PATTERN=TYPE, such as attn_v=Q6_K."
        ) from error


def tensor_types(
    quantization: str,
    tensors: Sequence[tuple[str, tuple[int, ...]]],
    layout: Layout,
    overrides: Sequence[Override] = (),
    has_imatrix: bool = False,
    pure: bool = False,
) -> list[str]:
    """Return the ggml type of every tensor in a file of this quantization.

    Args:
        quantization: one of ``QUANTIZATIONS``.
        tensors: names in GGUF, and extents in row-major order (the row length last), of all
            tensors in file order: the rules count what they have seen.
        layout: the tensors' model.
        overrides: types chosen by name; the first match decides. As in llama.cpp, they do not
            affect a file of one plain type, and the rules do not count the tensors they match.
        has_imatrix: whether an importance matrix is used.
        pure: whether every matrix gets the main type.
    """
    if not is_block_quantization(quantization):
        return [quantization if is_matrix(*tensor) else "F32" for tensor in tensors]
    mixture = MIXTURES[quantization]
    values = sum(_role(name) == "attn_v" for name, _ in tensors)
    seen: Counter[str] = Counter()
    types: list[str] = []
    for name, shape in tensors:
        if not is_matrix(name, shape):
            types.append("F32")
            continue
        override = next((item.type for item in overrides if item.pattern.search(name)), None)
        if override is None and pure:
            override = mixture.default
        if override is None:
            role = _role(name)
            place = Place(
                seen[role],
                values if role == "attn_v" else layout.layers,
                layout.heads // layout.kv_heads,
                has_imatrix,
            )
            seen[role] += 1
            chosen = _mixed(mixture, name, shape[-1], place, layout)
        else:
            chosen = override
        types.append(_fitting(chosen, shape[-1]))
    return types


def is_matrix(name: str, shape: tuple[int, ...]) -> bool:
    """Return whether a tensor is quantized; norms, biases and factors are stored in F32."""
    return len(shape) > 1 and name.endswith(".weight") and not name.endswith("_norm.weight")


def requires_importance(quantization: str, name: str, type_name: str) -> bool:
    """Return whether a tensor of this type is useless without importances: llama.cpp rejects it."""
    if name in ("token_embd.weight", "output.weight"):
        return type_name in _KERNEL_NEEDS_IMPORTANCE
    return type_name in _NEED_IMPORTANCE or (type_name == "Q2_K" and quantization == "Q2_K_S")


def _role(name: str) -> str:
    return name.removesuffix(".weight").rpartition(".")[2]


def _mixed(mixture: Mixture, name: str, columns: int, place: Place, layout: Layout) -> str:
    """Return a mixture's type for a matrix, before adapting it to the row length."""
    if name == "output.weight" or (layout.tied and name == "token_embd.weight"):
        # The output matrix is most sensitive: it does not get its type's usual fallback.
        return "Q8_0" if columns % BLOCKS[mixture.default][0] else mixture.output
    if name == "token_embd.weight":
        return mixture.embedding or mixture.default
    role = _role(name)
    rules = mixture.rules.get(role, ())
    chosen = next((kind for holds, kind in rules if holds(place)), mixture.default)
    if role == "attn_v" and layout.large and mixture.promotes_large and chosen in ("Q3_K", "Q4_K"):
        return "Q5_K"
    return chosen


def _fitting(type_name: str, columns: int) -> str:
    """Return the type, or the nearest whose blocks fill rows of ``columns`` elements."""
    for fitting in (type_name, _FALLBACK.get(type_name, type_name)):
        if columns % BLOCKS[fitting][0] == 0:
            return fitting
    return "F16"
