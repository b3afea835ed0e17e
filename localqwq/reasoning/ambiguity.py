"""How many readings of a text a grammar may have at once, determined before any text exists.

llama.cpp follows all of them. Indistinguishable alternatives multiply where they nest, endlessly
with recursion, so a short text could use up all memory.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import combinations, takewhile
from typing import Any, NamedTuple, Self

from localqwq.reasoning.schema_forms import ANY, Form, SchemaRefused, canonical

MOST_READINGS = 128
_ROUNDS = 200
_REFUSAL = (
    "The schema's alternatives cannot be told apart by how they begin; give each a first required "
    "property with a const of its own."
)


@dataclass(eq=False, slots=True)
class Part:
    """A rule of a grammar for values of one form."""

    rule: str
    form: Form
    values: list[list["Part"]] = field(default_factory=list)
    """The alternatives for each value in it."""


def check_ambiguity(root: Sequence[Part], parts: Iterable[Part]) -> None:
    """Raise :class:`SchemaRefused` if there may be too many readings."""
    parts = list(parts)
    unions: dict[tuple[int, ...], Sequence[Part]] = {}
    found = {id(part): [_key(union, unions) for union in part.values if union] for part in parts}
    whole = _key(root, unions)
    rivals = _rivals(unions.values())
    readings = {id(part): 1 for part in parts}
    for _ in range(_ROUNDS):
        most = {
            key: max(sum(readings[rival] for rival in rivals.get(id_, {id_})) for id_ in key)
            for key in unions
        }
        grown = {
            id_: high
            for id_, keys in found.items()
            if (high := max((most[key] for key in keys), default=1)) > readings[id_]
        }
        if max([most[whole], *grown.values()]) > MOST_READINGS:
            break
        if not grown:
            return
        readings |= grown
    raise SchemaRefused(_REFUSAL)


def _key(union: Sequence[Part], known: dict[tuple[int, ...], Sequence[Part]]) -> tuple[int, ...]:
    key = tuple(map(id, union))
    known[key] = union
    return key


def _rivals(unions: Iterable[Sequence[Part]]) -> dict[int, set[int]]:
    """Return, by the id of a part, the parts that may be read in its place, including itself."""
    rivals: dict[int, set[int]] = {}
    for union in unions:
        starts = [_Start.of(part.form) for part in union]
        for (one, start), (other, other_start) in combinations(zip(union, starts, strict=True), 2):
            if start.is_like(other_start):
                pair = {id(one), id(other)}
                for part in pair:
                    rivals.setdefault(part, set()).update(pair)
                    if len(rivals[part]) > MOST_READINGS:
                        raise SchemaRefused(_REFUSAL)
    return rivals


class _Start(NamedTuple):
    """What distinguishes the values of a form before anything nests in them."""

    kind: str
    members: tuple[tuple[str, frozenset[str] | None, bool], ...]
    """An object's first required properties: the name, the allowed scalar values if they are
    listed, and whether a value may nest.
    """

    @classmethod
    def of(cls, form: Form) -> Self:
        required = form.get("required", ())
        properties = form.get("properties", {}).items()
        members = takewhile(lambda member: member[0] in required, properties)
        kind = "number" if form["type"] == "integer" else form["type"]
        return cls(
            kind, tuple((name, _listed(schema), _may_nest(schema)) for name, schema in members)
        )

    def is_like(self, other: Self) -> bool:
        """Return whether one text may be the beginning of values of both."""
        if ANY in (self.kind, other.kind):
            return True
        if self.kind != other.kind:
            return False
        for one, another in zip(self.members, other.members, strict=False):
            (name, values, nests), (other_name, other_values, other_nests) = one, another
            if name != other_name:
                return False
            if values is None or other_values is None:
                if nests or other_nests:
                    return True
            elif not values & other_values:
                return False
        return True


def _listed(schema: Any) -> frozenset[str] | None:
    """Return the scalar values that a property is restricted to, if that is obvious."""
    if not isinstance(schema, dict):
        return None
    values = [schema["const"]] if "const" in schema else schema.get("enum")
    if not isinstance(values, list) or any(isinstance(value, dict | list) for value in values):
        return None
    return frozenset(map(canonical, values))


def _may_nest(schema: Any) -> bool:
    return not isinstance(schema, dict) or schema.get("type") not in (
        "string",
        "number",
        "integer",
        "boolean",
        "null",
    )
