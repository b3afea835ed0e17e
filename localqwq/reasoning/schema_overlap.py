"""Whether one value can satisfy two parts of a ``oneOf``, which no grammar can forbid."""

import json
from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Any

from localqwq.reasoning.lark import SchemaRefused
from localqwq.reasoning.schema_shape import target

_MOST_PAIRS = 20_000
_DEPTH = 3
"""Levels of properties that are looked at."""


def check_apart(schema: Mapping[str, Any], root: Any) -> None:
    """Raise :class:`SchemaRefused` unless constants or types tell the parts of a oneOf apart."""
    parts = schema["oneOf"]
    if len(parts) ** 2 > _MOST_PAIRS or not all(
        _are_apart(one, other, root, _DEPTH) for one, other in combinations(parts, 2)
    ):
        raise SchemaRefused(
            "The schema's oneOf has parts that one value can satisfy together; use anyOf, or give "
            "each a type or a constant of its own."
        )


def _are_apart(one: Any, other: Any, root: Any, depth: int) -> bool:
    """Return whether it is certain that no value satisfies both."""
    if one is False or other is False:
        return True
    if not depth or not isinstance(one, dict) or not isinstance(other, dict):
        return False
    ones, others = list(_conditions(one, root, 0)), list(_conditions(other, root, 0))
    return any(_exclude(a, b, root, depth) for a in ones for b in others) or any(
        all(_are_apart(way, whole, root, depth - 1) for way in ways)
        for conditions, whole in ((ones, other), (others, one))
        for condition in conditions
        for name in ("anyOf", "oneOf")
        if (ways := condition.get(name))
    )


def _conditions(schema: Any, root: Any, depth: int) -> Iterator[Mapping[str, Any]]:
    """Yield schemas that all hold for a value of this one."""
    if isinstance(schema, dict) and depth < _DEPTH:
        yield schema
        for part in schema.get("allOf", ()):
            yield from _conditions(part, root, depth + 1)
        if "$ref" in schema:
            yield from _conditions(target(root, schema["$ref"]), root, depth + 1)


def _exclude(one: Mapping[str, Any], other: Mapping[str, Any], root: Any, depth: int) -> bool:
    """Return whether the keywords of two schemas themselves exclude each other."""
    kinds, other_kinds = _kinds(one), _kinds(other)
    if kinds is not None and other_kinds is not None and not kinds & other_kinds:
        return True
    values, other_values = _values(one), _values(other)
    if values is not None and other_values is not None:
        return not values & other_values
    needed = {*one.get("required", ())} & {*other.get("required", ())}
    first, second = one.get("properties", {}), other.get("properties", {})
    return any(
        _are_apart(first[name], second[name], root, depth - 1)
        for name in needed
        if name in first and name in second
    )


def _values(schema: Mapping[str, Any]) -> frozenset[str] | None:
    """Return the values that it lists, if it does, as text."""
    if "const" in schema:
        return frozenset({_canonical(schema["const"])})
    return frozenset(map(_canonical, schema["enum"])) if "enum" in schema else None


def _kinds(schema: Mapping[str, Any]) -> frozenset[str] | None:
    """Return the types of its values, if they are said; integers are numbers."""
    if "type" in schema:
        types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        return frozenset("number" if kind == "integer" else kind for kind in types)
    if "const" in schema:
        return frozenset({_kind_of(schema["const"])})
    return frozenset(map(_kind_of, schema["enum"])) if "enum" in schema else None


def _kind_of(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "string"
    if isinstance(value, list):
        return "array"
    return "null" if value is None else "object"


def _canonical(value: Any) -> str:
    """Return a text that is the same for equal values, such as 1 and 1.0."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return json.dumps(value, sort_keys=True)
