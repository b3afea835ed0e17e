"""JSON schemas in a plain form: alternatives with one type each and no indirection.

``$ref``, ``allOf``, ``anyOf``, ``oneOf``, ``enum``, ``const`` and lists of types are resolved.
References point only to places within the schema: nothing is ever fetched.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, combinations
from typing import Any
from urllib.parse import unquote

Form = dict[str, Any]
"""A schema without references and combinations, with one ``type``, or ``any`` for every type."""

KINDS = ("object", "array", "string", "number", "integer", "boolean", "null")
ANY = "any"
MAX_ALTERNATIVES = 500
_MAX_DEPTH = 64
_MAX_WORK = 200_000
"""Maximum combinations of keywords and properties."""

_ANNOTATIONS = frozenset(
    {
        *("title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly"),
        *("contentEncoding", "contentMediaType", "$comment", "$id", "$schema", "$anchor"),
        *("$defs", "definitions", "$vocabulary"),
    }
)
_COMBINATIONS = frozenset(("$ref", "allOf", "anyOf", "oneOf"))
_OF_KIND = {
    "object": ("properties", "required", "additionalProperties", "minProperties", "propertyNames"),
    "array": ("items", "prefixItems", "minItems", "maxItems"),
    "string": ("pattern", "minLength", "maxLength", "format"),
    "number": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
}
_HIGHEST = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_LOWEST = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")


class SchemaRefused(ValueError):
    """A schema that no grammar can be made from; the message is one sentence."""


class SchemaForms:
    """Convert parts of one schema to their plain form."""

    def __init__(self, root: Any, *, strict: bool = False) -> None:
        """Start at the root; ``strict``: refuse a schema that the forms express only in part."""
        self._root = root
        self._strict = strict
        self._work = 0
        self._known: dict[str, list[Form]] = {}

    def of(self, schema: Any) -> list[Form]:
        """Return the alternatives of a part of the schema; none if no value can satisfy it."""
        key = canonical(schema)
        if key not in self._known:
            forms = [form for flat in self._flat(schema, ()) for form in _by_kind(flat)]
            if {"type": ANY} in forms:
                forms = [{"type": ANY}]  # regardless of what else there is
            different = {canonical(form): form for form in forms}
            self._known[key] = list(_with_joined_values(different.values()))
        return self._known[key]

    def _flat(self, schema: Any, trail: tuple[str, ...]) -> list[Form]:
        """Return the alternatives before they are divided by type."""
        if isinstance(schema, bool):
            return [{}] if schema else []
        if not isinstance(schema, dict):
            raise SchemaRefused(f"A schema must be an object, not {_shown(schema)}.")
        if len(trail) > _MAX_DEPTH:
            raise SchemaRefused(f"The schema combines more than {_MAX_DEPTH} parts into one.")
        self._charge(1)
        found: list[Form] = [
            {
                name: value
                for name, value in schema.items()
                if name not in _ANNOTATIONS and name not in _COMBINATIONS
            }
        ]
        if (reference := schema.get("$ref")) is not None:
            if reference in trail:
                raise SchemaRefused(f"The reference {_shown(reference)} leads back to itself.")
            target = self._target(reference)
            found = self._products(found, self._flat(target, (*trail, str(reference))))
        for part in _parts(schema, "allOf"):
            found = self._products(found, self._flat(part, (*trail, "")))
        for name in ("anyOf", "oneOf"):
            if name in schema:
                ways = [self._flat(part, (*trail, "")) for part in _parts(schema, name)]
                if name == "oneOf" and self._strict:
                    self._check_apart(found, ways)
                found = self._products(found, list(chain.from_iterable(ways)))
        return found

    def _check_apart(self, beside: Sequence[Form], ways: Sequence[Sequence[Form]]) -> None:
        """Raise if a value may match two alternatives of a ``oneOf``, which a grammar cannot
        forbid.
        """
        for one, other in combinations(ways, 2):
            self._charge(len(one) * len(other))
            both = self._products(self._products(beside, one), other)
            if any(not _excluded(form) for form in both):
                raise SchemaRefused(
                    "The schema's oneOf has parts that one value can satisfy together; use anyOf, "
                    "or give each a type or a constant of its own."
                )

    def _products(self, ones: Sequence[Form], others: Sequence[Form]) -> list[Form]:
        """Return each form of ``ones`` combined with each of ``others``, where possible."""
        if len(ones) * len(others) > MAX_ALTERNATIVES:
            raise SchemaRefused(
                f"The schema has more than {MAX_ALTERNATIVES} alternatives in one place."
            )
        self._charge(len(others) * sum(map(_size, ones)) + len(ones) * sum(map(_size, others)))
        merged = (_merged(one, other) for one in ones for other in others)
        return [form for form in merged if form is not None]

    def _charge(self, work: int) -> None:
        self._work += work
        if self._work > _MAX_WORK:
            raise SchemaRefused("The schema's parts combine in too many ways; simplify it.")

    def _target(self, reference: Any) -> Any:
        """Return the part of the schema that a reference points to."""
        if not isinstance(reference, str) or not (reference == "#" or reference.startswith("#/")):
            raise SchemaRefused(
                f"The reference {_shown(reference)} leads outside the schema; put its target "
                'into "$defs" and refer to it as "#/$defs/…".'
            )
        place = self._root
        for step in unquote(reference[1:]).split("/")[1:]:
            step = step.replace("~1", "/").replace("~0", "~")
            if isinstance(place, dict) and step in place:
                place = place[step]
            elif isinstance(place, list) and step.isdecimal() and int(step[:9]) < len(place):
                place = place[int(step[:9])]
            else:
                raise SchemaRefused(f"The reference {_shown(reference)} leads nowhere.")
        return place


def canonical(value: Any) -> str:
    """Return a text that is the same for equal values."""
    return json.dumps(value, sort_keys=True)


def kind_of(value: Any) -> str:
    """Return the JSON type of a value, with ``number`` for integers too."""
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "string"
    if isinstance(value, list | tuple):
        return "array"
    return "null" if value is None else "object"


def _parts(schema: Mapping[str, Any], name: str) -> Sequence[Any]:
    parts = schema.get(name, ())
    if not isinstance(parts, list | tuple) or (name in schema and not parts):
        raise SchemaRefused(f"The schema's {name} must be a list of schemas.")
    return parts


def _size(form: Form) -> int:
    properties = form.get("properties")
    return 1 + (len(properties) if isinstance(properties, dict) else 0)


def _merged(one: Form, other: Form) -> Form | None:
    """Return the conjunction of two forms; ``None`` if they exclude each other."""
    result = dict(one)
    for name, value in other.items():
        if name not in result or result[name] == value:
            result[name] = value
            continue
        merge = _MERGERS.get(name)
        if merge is None:
            raise SchemaRefused(f"The schema says {name} twice for one value; leave one out.")
        result[name] = merge(result[name], value)
        if result[name] is None:
            return None
    for own, theirs in ((one, other), (other, one)):
        limits = own.get("additionalProperties", True) not in (True, {})
        if limits and not set(_object(theirs, "properties")) <= set(_object(own, "properties")):
            raise SchemaRefused(
                "A part with additionalProperties is combined with other properties; put all "
                "properties into one object."
            )
        prefix = len(own.get("prefixItems", ()))
        if own.get("items", True) not in (True, {}) and len(theirs.get("prefixItems", ())) > prefix:
            raise SchemaRefused(
                "A part with items is combined with further prefixItems; put all into one array."
            )
    return result


def _excluded(form: Form) -> bool:
    """Return whether constants show that the form, a merger of two parts, has no value."""
    if (values := _values(form)) is not None and not values:
        return True
    required = form.get("required", ())
    properties = _object(form, "properties")
    return any(name in properties and _contradicts(properties[name]) for name in required)


def _contradicts(schema: Any) -> bool:
    """Return whether parts of a property's schema have constants or types that exclude each
    other.
    """
    parts = schema.get("allOf", ()) if isinstance(schema, dict) else ()
    known = [part for part in parts if isinstance(part, dict)]
    listed = [{canonical(value) for value in values} for part in known if (values := _values(part))]
    types = [set(_types(part["type"])) for part in known if "type" in part]
    for sets in (listed, types):
        if len(sets) > 1 and not set.intersection(*sets):
            return not (sets is types and {"integer", "number"} <= set.union(*sets))
    return False


def _types(value: Any) -> list[str]:
    types = value if isinstance(value, list) else [value]
    if not types or not all(isinstance(kind, str) and kind in KINDS for kind in types):
        raise SchemaRefused(f"The schema's type must be one of {', '.join(KINDS)}.")
    return list(types)


def _common_types(one: Any, other: Any) -> list[str] | None:
    ones, others = _types(one), _types(other)
    common = [kind for kind in ones if kind in others]
    if "integer" in ones + others and "number" in ones + others and "number" not in common:
        common.append("integer")
    return list(dict.fromkeys(common)) or None


def _both(one: Any, other: Any) -> Any:
    return {"allOf": [one, other]}


def _both_properties(one: Any, other: Any) -> Any:
    ones, others = _object({"": one}, ""), _object({"": other}, "")
    shared = {name: _both(ones[name], others[name]) for name in ones if name in others}
    return {**ones, **others, **shared}


def _common_values(one: Any, other: Any) -> Any:
    texts = {canonical(value) for value in other}
    return [value for value in one if canonical(value) in texts] or None


def _no_less(choose: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def merge(one: Any, other: Any) -> Any:
        if kind_of(one) != "number" or kind_of(other) != "number":
            raise SchemaRefused("A bound in the schema must be a number.")
        return choose(one, other)

    return merge


_MERGERS: dict[str, Callable[[Any, Any], Any]] = {
    "type": _common_types,
    "properties": _both_properties,
    "required": lambda one, other: [*one, *(name for name in other if name not in one)],
    "items": _both,
    "additionalProperties": _both,
    "enum": _common_values,
    "const": lambda one, other: one if canonical(one) == canonical(other) else None,
    **dict.fromkeys(_HIGHEST, _no_less(max)),
    **dict.fromkeys(_LOWEST, _no_less(min)),
}


def _by_kind(flat: Form) -> Iterator[Form]:
    """Yield the form for each type that it allows."""
    types = _types(flat["type"]) if "type" in flat else None
    values = _values(flat)
    if values is not None:
        for kind in dict.fromkeys(map(kind_of, values)):
            own = [value for value in values if kind_of(value) == kind and _is(value, types)]
            if own:
                yield {"type": kind, "enum": own}
        return
    if types is None:
        said = [kind for kind, names in _OF_KIND.items() if any(name in flat for name in names)]
        types = said or [ANY]
    for kind in dict.fromkeys(types):
        if not (kind == "integer" and "number" in types):
            yield {**flat, "type": kind}


def _values(flat: Form) -> list[Any] | None:
    if "const" in flat:
        constant = flat["const"]
        listed = flat.get("enum", [constant])
        return _common_values([constant], listed) or []
    values = flat.get("enum")
    if values is not None and not isinstance(values, list):
        raise SchemaRefused("The schema's enum must be a list.")
    return values


def _is(value: Any, types: Sequence[str] | None) -> bool:
    kind = kind_of(value)
    if types is None or kind in types:
        return True
    return kind == "number" and "integer" in types and float(value).is_integer()


def _with_joined_values(forms: Iterable[Form]) -> Iterator[Form]:
    """Yield the forms with listed values of one type merged."""
    values: dict[str, Form] = {}
    for form in forms:
        kind = form["type"]
        if "enum" not in form or kind in ("object", "array"):
            yield form
        elif kind in values:
            values[kind]["enum"] += form["enum"]
        else:
            values[kind] = {"type": kind, "enum": list(form["enum"])}
    yield from values.values()


def _object(schema: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = schema.get(name, {})
    if not isinstance(value, dict):
        raise SchemaRefused(f"The schema's {name or 'properties'} must be an object.")
    return value


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=True, default=str)
    return text if len(text) <= 80 else text[:80] + "…"
