"""Checking a JSON schema: its keywords have the right types, and its parts are bounded.

References point only to places within the schema: nothing is ever fetched.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import unquote

from localqwq.reasoning.lark import SchemaRefused

KINDS = ("object", "array", "string", "number", "integer", "boolean", "null")
MAX_SCHEMA = 256 * 1024
"""Maximum characters of a schema as JSON."""
MAX_NESTING = 100
"""Maximum levels of a schema's own JSON, all of which are on llguidance's stack at once."""
MAX_PROPERTIES = 256
MAX_ALTERNATIVES = 500
MAX_REPETITIONS = 1_000_000
_MAX_PARTS = 64
"""Maximum schemas that apply to one value by way of each other."""

MAPS = ("properties", "patternProperties")
"""Keywords with schemas by name."""
LISTS = ("allOf", "anyOf", "oneOf", "prefixItems")
"""Keywords with lists of schemas."""
SINGLES = ("items", "additionalProperties")
"""Keywords with one schema."""
COMBINATIONS = ("$ref", "allOf", "anyOf", "oneOf")
"""Keywords with schemas for the same value."""
COUNTS = ("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties")
_BOUNDS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")
_PAIRS = {
    "length": ("minLength", "maxLength"),
    "number of items": ("minItems", "maxItems"),
    "number of properties": ("minProperties", "maxProperties"),
}


def check_schema(root: Any) -> None:
    """Raise :class:`SchemaRefused` unless a grammar can be made of the schema in bounded time."""
    if len(json.dumps(root)) > MAX_SCHEMA:
        raise SchemaRefused(f"The schema has more than {MAX_SCHEMA} characters.")
    _check_nesting(root)
    waiting, seen = [(root, "#")], set[int]()
    parts = _Parts(root)
    while waiting:
        schema, place = waiting.pop()
        if isinstance(schema, bool) or id(schema) in seen:
            continue
        if not isinstance(schema, dict):
            raise _refused(f"A schema must be an object, not {_shown(schema)}", place)
        seen.add(id(schema))
        _check_keywords(schema, place)
        waiting += subschemas(schema, place)
        if (reference := schema.get("$ref")) is not None:
            waiting.append((target(root, reference), str(reference)))
        parts.check(schema)


def subschemas(schema: Mapping[str, Any], place: str = "#") -> Iterator[tuple[Any, str]]:
    """Yield the schemas directly within one, with their places."""
    for name in MAPS:
        for key, part in schema.get(name, {}).items():
            yield part, f"{place}/{name}/{key}"
    for name in LISTS:
        for index, part in enumerate(schema.get(name, ())):
            yield part, f"{place}/{name}/{index}"
    for name in (*SINGLES, "additionalItems"):
        part = schema.get(name, True)
        if name == "items" and isinstance(part, list):  # as in older drafts
            yield from ((one, f"{place}/items/{index}") for index, one in enumerate(part))
        else:
            yield part, f"{place}/{name}"


def target(root: Any, reference: Any) -> Any:
    """Return the part of the schema that a reference points to."""
    if not isinstance(reference, str) or not (reference == "#" or reference.startswith("#/")):
        raise SchemaRefused(
            f"The reference {_shown(reference)} leads outside the schema; put its target "
            'into "$defs" and refer to it as "#/$defs/…".'
        )
    place = root
    for step in unquote(reference[1:]).split("/")[1:]:
        step = step.replace("~1", "/").replace("~0", "~")
        if isinstance(place, dict) and step in place:
            place = place[step]
        elif isinstance(place, list) and step.isdecimal() and int(step[:9]) < len(place):
            place = place[int(step[:9])]
        else:
            raise SchemaRefused(f"The reference {_shown(reference)} leads nowhere.")
    return place


class _Parts:
    """Counts the alternatives for one value, which llguidance multiplies out."""

    def __init__(self, root: Any) -> None:
        self._root = root
        self._known: dict[int, tuple[int, int]] = {}

    def check(self, schema: Any) -> None:
        """Raise :class:`SchemaRefused` if there are too many, or if a reference has no end."""
        self._count(schema, ())

    def _count(self, schema: Any, trail: tuple[str, ...]) -> tuple[int, int]:
        """Return the number of alternatives, and how many schemas lead to one of them."""
        if not isinstance(schema, dict):
            return 1, 0
        if len(trail) > _MAX_PARTS:
            raise _too_many_parts()
        if (known := self._known.get(id(schema))) is not None:
            if len(trail) + known[1] > _MAX_PARTS:
                raise _too_many_parts()
            return known
        product, depth = 1, 0
        for ways in self._combined(schema, trail):
            alternatives = 0
            for part, next_trail in ways:
                count, below = self._count(part, next_trail)
                alternatives, depth = alternatives + count, max(depth, below + 1)
            product *= alternatives
            if product > MAX_ALTERNATIVES:
                raise SchemaRefused(
                    f"The schema has more than {MAX_ALTERNATIVES} alternatives in one place."
                )
        self._known[id(schema)] = product, depth
        return product, depth

    def _combined(
        self, schema: Mapping[str, Any], trail: tuple[str, ...]
    ) -> Iterator[list[tuple[Any, tuple[str, ...]]]]:
        """Yield the alternatives of each part that has to hold."""
        if (reference := schema.get("$ref")) is not None:
            if reference in trail:
                raise SchemaRefused(f"The reference {_shown(reference)} leads back to itself.")
            yield [(target(self._root, reference), (*trail, reference))]
        for part in _listed(schema, "allOf"):
            yield [(part, (*trail, ""))]
        for name in ("anyOf", "oneOf"):
            if name in schema:
                yield [(part, (*trail, "")) for part in _listed(schema, name)]


def _listed(schema: Mapping[str, Any], name: str) -> Sequence[Any]:
    """Return the parts of a combination that may not have been checked yet."""
    parts = schema.get(name, [])
    if not isinstance(parts, list) or (name in schema and not parts):
        raise SchemaRefused(f"The schema's {name} must be a list of schemas.")
    return parts


def _too_many_parts() -> SchemaRefused:
    return SchemaRefused(f"The schema combines more than {_MAX_PARTS} parts into one.")


def _check_nesting(root: Any) -> None:
    level, depth = [root], 0
    while level:
        depth += 1
        if depth > MAX_NESTING:
            raise SchemaRefused(f"The schema nests more than {MAX_NESTING} levels.")
        inner = (value.values() if isinstance(value, dict) else value for value in level
                 if isinstance(value, dict | list))  # fmt: skip
        level = [value for values in inner for value in values]


def _check_keywords(schema: Mapping[str, Any], place: str) -> None:
    _types(schema, place)
    for name in (*MAPS, "$defs", "definitions"):
        if not isinstance(schema.get(name, {}), dict):
            raise _refused(f"The schema's {name} must be an object", place)
    for name in LISTS:
        if name in schema and (not isinstance(schema[name], list) or not schema[name]):
            raise _refused(f"The schema's {name} must be a list of schemas", place)
    for name in ("pattern", "format"):
        if not isinstance(schema.get(name, ""), str):
            raise _refused(f"The schema's {name} must be a text", place)
    if not isinstance(schema.get("enum", []), list):
        raise _refused("The schema's enum must be a list", place)
    _check_numbers(schema, place)
    _check_object(schema, place)
    if schema.get("items") is False and schema.get("minItems", 0) and not schema.get("prefixItems"):
        raise _refused("The schema asks for items that no value can satisfy", place)


def _types(schema: Mapping[str, Any], place: str) -> None:
    if "type" not in schema:
        return
    types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    if not types or not all(isinstance(kind, str) and kind in KINDS for kind in types):
        raise _refused(f"The schema's type must be one of {', '.join(KINDS)}", place)


def _check_numbers(schema: Mapping[str, Any], place: str) -> None:
    for name in COUNTS:
        value = schema.get(name, 0)
        if not _is_number(value) or value != value // 1:
            raise _refused(f"The schema's {name} must be a whole number", place)
        if value < 0:
            raise _refused(f"The schema's {name} must not be negative", place)
        if value > MAX_REPETITIONS and name.startswith("min"):
            raise _refused(
                f"The schema's {name} asks for more than {MAX_REPETITIONS} repetitions", place
            )
    for name in _BOUNDS:
        if not _is_number(schema.get(name, 0)) and schema[name] is not False:
            raise _refused(f"The schema's {name} must be a number", place)
    for what, (least, most) in _PAIRS.items():
        low, high = schema.get(least, 0), schema.get(most)
        if high is not None and high < low:
            raise _refused(f"The schema asks for a {what} of at least {low} and at most {high}",
                           place)  # fmt: skip
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and high is not None and low > high:
        raise _refused("No number is within the schema's bounds", place)


def _check_object(schema: Mapping[str, Any], place: str) -> None:
    required, properties = schema.get("required", []), schema.get("properties", {})
    if not isinstance(required, list) or not all(isinstance(name, str) for name in required):
        raise _refused("The schema's required must be a list of names", place)
    if len({*required, *properties}) > MAX_PROPERTIES:
        raise _refused(f"An object of the schema has more than {MAX_PROPERTIES} properties", place)
    for name in required:
        if properties.get(name, True) is False:
            raise _refused(f"No value can satisfy the property {name[:80]!r}", place)


def _is_number(value: Any) -> bool:
    """Return whether it is a finite number."""
    return isinstance(value, int | float) and not isinstance(value, bool) and value - value == 0


def _refused(message: str, place: str) -> SchemaRefused:
    return SchemaRefused(message + ("." if place == "#" else f" (at {place[:200]})."))


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=True, default=str)
    return text if len(text) <= 80 else text[:80] + "…"
