"""The environments of mathematics."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Environment:
    """An environment between ``\\begin`` and ``\\end``."""

    left: str = ""
    right: str = ""
    columns: str = "c"
    """Alignments of the columns; the last letter applies to all further ones."""
    is_alignment: bool = False
    """Whether its rows are equations below each other."""
    has_argument: bool = False
    """Whether an argument precedes the rows."""


_MATRICES = {
    "matrix": Environment(),
    "smallmatrix": Environment(),
    "pmatrix": Environment("(", ")"),
    "bmatrix": Environment("[", "]"),
    "Bmatrix": Environment("{", "}"),
    "vmatrix": Environment("|", "|"),
    "Vmatrix": Environment("‖", "‖"),
    "psmallmatrix": Environment("(", ")"),
    "bsmallmatrix": Environment("[", "]"),
    "array": Environment(has_argument=True),
    "subarray": Environment(has_argument=True),
    "cases": Environment("{", "", "l"),
    "dcases": Environment("{", "", "l"),
    "rcases": Environment("", "}", "l"),
}
_ALIGNMENTS = {
    **dict.fromkeys(
        ("align", "aligned", "split", "eqnarray", "flalign"),
        Environment(columns="rl", is_alignment=True),
    ),
    **dict.fromkeys(
        ("alignat", "alignedat"), Environment(columns="rl", is_alignment=True, has_argument=True)
    ),
    **dict.fromkeys(
        ("equation", "gather", "gathered", "multline", "displaymath", "math"),
        Environment(columns="l", is_alignment=True),
    ),
}


def environment(name: str) -> Environment | None:
    """Return the environment with that name, with or without a star; None if it is not
    mathematical.
    """
    name = name.removesuffix("*")
    return _MATRICES.get(name) or _ALIGNMENTS.get(name)
