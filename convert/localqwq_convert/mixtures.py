"""llama.cpp's mixtures of tensor types, one row per block quantization.

A mixture gives most matrices one type, and a better one to those that suffer most. The table
matches ``llama_tensor_get_type_impl`` and ``llama_ftype_get_default_type`` in llama.cpp's
``src/llama-quant.cpp`` for dense models.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Place:
    """What a rule may depend on for a matrix of some role."""

    index: int
    """Number of matrices of this role decided before: its layer, without overrides."""
    count: int
    """Number of them in the model."""
    queries_per_key: int
    """Query heads that share a key-value head."""
    has_imatrix: bool
    """Whether an importance matrix is used."""


Condition = Callable[[Place], bool]
Rules = tuple[tuple[Condition, str], ...]
"""Conditions and types: the first condition that holds decides."""


def always(place: Place) -> bool:
    """Return True everywhere."""
    return True


def more_bits(place: Place) -> bool:
    """Return True in the first and last eighth, and every third layer between
    (``use_more_bits``).
    """
    eighth = place.count // 8
    return (
        place.index < eighth
        or place.index >= 7 * place.count // 8
        or (place.index - eighth) % 3 == 2
    )


def first_sixteenth(place: Place) -> bool:
    """Return True in the first sixteenth of the layers."""
    return place.index < place.count // 16


def first_eighth(place: Place) -> bool:
    """Return True in the first eighth of the layers."""
    return place.index < place.count // 8


def middle(place: Place) -> bool:
    """Return True outside the first and last eighth of the layers."""
    return place.count // 8 <= place.index < 7 * place.count // 8


def first_two(place: Place) -> bool:
    """Return True in the first two layers."""
    return place.index < 2


def first_four(place: Place) -> bool:
    """Return True in the first four layers."""
    return place.index < 4


def shared(place: Place) -> bool:
    """Return True if four or more query heads share a key-value head: the matrix is small."""
    return place.queries_per_key >= 4


def without_imatrix(place: Place) -> bool:
    """Return True without an importance matrix."""
    return not place.has_imatrix


def first_eighth_without_imatrix(place: Place) -> bool:
    """Return True in the first eighth of the layers without an importance matrix."""
    return first_eighth(place) and not place.has_imatrix


def first_eighth_with_imatrix(place: Place) -> bool:
    """Return True in the first eighth of the layers with an importance matrix."""
    return first_eighth(place) and place.has_imatrix


@dataclass(frozen=True, slots=True)
class Mixture:
    """One quantization."""

    default: str
    """Type of all matrices without a rule."""
    output: str = "Q6_K"
    """Type of the output matrix, and of an embedding that serves as one."""
    embedding: str | None = None
    """Type of the embedding if there is an output matrix; None for the default."""
    rules: Mapping[str, Rules] = field(default_factory=dict)
    """Rules by role: ``attn_v``, ``ffn_down`` and so on."""
    promotes_large: bool = True
    """Whether the value matrices of 70B models get Q5_K instead of Q3_K or Q4_K."""


_VALUES_AND_DOWN = {"attn_v": ((more_bits, "Q6_K"),), "ffn_down": ((more_bits, "Q6_K"),)}
_NON_LINEAR = {
    "attn_v": ((shared, "Q5_K"),),
    "ffn_down": ((first_eighth_without_imatrix, "Q5_K"),),
}
_TWO_BITS = {"attn_v": ((shared, "Q4_K"), (always, "Q2_K")), "ffn_down": ((first_eighth, "Q2_K"),)}
_ONE_BIT = {**_TWO_BITS, "attn_output": ((always, "IQ2_XXS"),)}
_TWO_AND_A_HALF_BITS = {
    "attn_v": ((shared, "Q4_K"), (always, "IQ3_S")),
    "ffn_down": ((first_eighth, "IQ3_S"),),
    "attn_output": ((always, "IQ3_S"),),
}

MIXTURES: Mapping[str, Mixture] = {
    "Q8_0": Mixture("Q8_0", output="Q8_0"),
    "Q6_K": Mixture("Q6_K"),
    "Q5_K_M": Mixture("Q5_K", rules=_VALUES_AND_DOWN),
    "Q5_K_S": Mixture("Q5_K"),
    "Q5_1": Mixture("Q5_1"),
    "Q5_0": Mixture("Q5_0", rules={"ffn_down": ((first_eighth_with_imatrix, "Q5_1"),)}),
    "Q4_K_M": Mixture("Q4_K", rules=_VALUES_AND_DOWN),
    "Q4_K_S": Mixture(
        "Q4_K", rules={"attn_v": ((first_four, "Q5_K"),), "ffn_down": ((first_eighth, "Q5_K"),)}
    ),
    "Q4_1": Mixture("Q4_1"),
    "Q4_0": Mixture("Q4_0", rules={"ffn_down": ((first_eighth_with_imatrix, "Q4_1"),)}),
    "IQ4_NL": Mixture("IQ4_NL", rules=_NON_LINEAR),
    "IQ4_XS": Mixture("IQ4_XS", rules=_NON_LINEAR),
    "Q3_K_L": Mixture(
        "Q3_K",
        rules={
            "attn_v": ((always, "Q5_K"),),
            "ffn_down": ((always, "Q5_K"),),
            "attn_output": ((always, "Q5_K"),),
        },
    ),
    "Q3_K_M": Mixture(
        "Q3_K",
        rules={
            "attn_v": ((first_two, "Q5_K"), (always, "Q4_K")),
            "ffn_down": ((first_sixteenth, "Q5_K"), (always, "Q4_K")),
            "attn_output": ((always, "Q4_K"),),
        },
    ),
    "Q3_K_S": Mixture("Q3_K"),
    "IQ3_M": Mixture(
        "IQ3_S",
        rules={
            "attn_v": ((always, "Q4_K"),),
            "ffn_down": ((first_eighth, "Q4_K"),),
            "attn_output": ((always, "Q4_K"),),
        },
    ),
    "IQ3_S": Mixture("IQ3_S", rules={"attn_v": ((shared, "Q4_K"),)}),
    "IQ3_XS": Mixture(
        "IQ3_S",
        rules={
            "attn_v": ((shared, "Q4_K"),),
            "attn_k": ((always, "IQ3_XXS"),),
            "attn_q": ((always, "IQ3_XXS"),),
            "ffn_gate": ((middle, "IQ3_XXS"),),
            "ffn_up": ((middle, "IQ3_XXS"),),
        },
    ),
    "IQ3_XXS": Mixture(
        "IQ3_XXS",
        output="Q5_K",
        embedding="IQ3_S",
        rules={
            "attn_v": ((shared, "Q4_K"), (without_imatrix, "IQ3_S")),
            "attn_k": ((always, "IQ2_S"),),
            "attn_q": ((always, "IQ2_S"),),
            "ffn_down": ((first_eighth_without_imatrix, "Q4_K"), (without_imatrix, "Q3_K")),
            "attn_output": ((always, "IQ3_S"),),
        },
    ),
    "Q2_K": Mixture(
        "Q2_K",
        rules={
            "attn_v": ((shared, "Q4_K"), (always, "Q3_K")),
            "ffn_down": ((always, "Q3_K"),),
            "attn_output": ((always, "Q3_K"),),
        },
    ),
    "Q2_K_S": Mixture(
        "Q2_K", rules={"attn_v": ((shared, "Q4_K"),), "ffn_down": ((first_eighth, "Q4_K"),)}
    ),
    "TQ2_0": Mixture("TQ2_0", embedding="Q4_K"),
    "IQ2_M": Mixture("IQ2_S", "Q5_K", "IQ3_S", _TWO_AND_A_HALF_BITS, promotes_large=False),
    "IQ2_S": Mixture("IQ2_XS", "Q5_K", "IQ3_S", _TWO_AND_A_HALF_BITS, promotes_large=False),
    "IQ2_XS": Mixture("IQ2_XS", "Q5_K", "Q2_K", _TWO_BITS, promotes_large=False),
    "IQ2_XXS": Mixture("IQ2_XXS", "Q5_K", "Q2_K", _TWO_BITS, promotes_large=False),
    "TQ1_0": Mixture("TQ1_0", embedding="Q4_K"),
    "IQ1_M": Mixture("IQ1_M", "Q5_K", "Q2_K", _ONE_BIT, promotes_large=False),
    "IQ1_S": Mixture("IQ1_S", "Q5_K", "Q2_K", _ONE_BIT, promotes_large=False),
}
"""Mixtures by llama.cpp's names, the best first."""
