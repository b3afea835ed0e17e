"""Saying in a JSON schema what its authors mean, before a grammar is made of it.

JSON Schema admits any value that nothing forbids. For an answer that is too much: here an object
has the properties that its schema names and no others, an array the items that it lists, and a
schema that speaks of properties is one for objects. Whatever is said explicitly stays. Nothing is
added that the schema forbids.
"""

from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from localqwq.reasoning.lark import SchemaRefused, is_broken
from localqwq.reasoning.number_bounds import numbers_at_bounds
from localqwq.reasoning.schema_overlap import check_apart
from localqwq.reasoning.schema_shape import (
    COMBINATIONS,
    COUNTS,
    LISTS,
    MAPS,
    SINGLES,
    check_schema,
    target,
)

Schema = dict[str, Any]

FORMATS = frozenset(
    {
        *("date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"),
        "uri",
    }
)
"""Formats that are enforced; any other is a remark, as JSON Schema defines it."""
UNSAYABLE = (
    "not",
    "if",
    "contains",
    "dependencies",
    "dependentRequired",
    "dependentSchemas",
    "propertyNames",
    "unevaluatedItems",
    "unevaluatedProperties",
    "uniqueItems",
    "$dynamicRef",
    "$recursiveRef",
)
_KEPT = frozenset(
    {
        *("type", "enum", "const", "required", "pattern", "format", "minLength", "maxLength"),
        *("minItems", "maxItems", "minProperties", "maxProperties", "multipleOf"),
        *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"),
    }
)
"""Keywords with neither schemas nor remarks."""
_OF_KIND = {
    "object": ("properties", "required", "additionalProperties", "patternProperties",
               "minProperties", "maxProperties", "propertyNames"),
    "array": ("items", "prefixItems", "minItems", "maxItems", "uniqueItems", "contains"),
    "string": ("pattern", "minLength", "maxLength", "format"),
    "number": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
}  # fmt: skip
_MOST_UNITS = 1000
"""Maximum ``multipleOf`` in units of its last decimal place: each remainder is a state."""
_MOST_CHOSEN = 32
"""Maximum properties of which one must be there: each is an alternative."""


def rewritten(schema: Any, *, strict: bool, kind: str | None = None) -> Any:
    """Return the schema for a grammar; ``kind`` restricts its values to one type.

    Keywords that no grammar can enforce are left to the model, unless it is ``strict``.

    Raises:
        SchemaRefused: it is none, or no grammar can be made of it.
    """
    check_schema(schema)
    if schema is False:
        raise SchemaRefused("No value can satisfy the schema.")
    found = _Rewriter(schema, strict=strict).whole()
    if kind is None:
        return found
    if found is True:
        return {"type": kind}
    types = found.get("type", kind)
    if kind not in (types if isinstance(types, list) else [types]):
        raise SchemaRefused("No value can satisfy the schema.")
    return {**found, "type": kind}


def loosened(schema: Any) -> Any:
    """Return a rewritten schema without what llguidance may fail to combine.

    What is left are types, listed values, and what is in what.
    """
    if not isinstance(schema, dict):
        return schema
    result: Schema = {}
    for name, value in schema.items():
        if name in (*MAPS, "$defs") and name != "patternProperties":
            result[name] = {key: loosened(part) for key, part in value.items()}
        elif name in LISTS:
            result[name] = [loosened(part) for part in value]
        elif name in SINGLES:
            result[name] = loosened(value)
        elif name in ("type", "enum", "const", "required", "$ref"):
            result[name] = value
    return result


def patterns(schema: Any) -> Iterator[tuple[Schema, str]]:
    """Yield the parts of a rewritten schema that have a pattern for texts."""
    if not isinstance(schema, dict):
        return
    if "pattern" in schema:
        yield schema, schema["pattern"]
    for name in (*MAPS, "$defs"):
        for part in schema.get(name, {}).values():
            yield from patterns(part)
    for name in LISTS:
        for part in schema.get(name, ()):
            yield from patterns(part)
    for name in SINGLES:
        yield from patterns(schema.get(name))


@dataclass(frozen=True, slots=True)
class _Beside:
    """Other schemas that apply to the same value."""

    names: frozenset[str] = frozenset()
    """Properties of which more than one of them speaks."""
    everything: bool = False
    """Whether they speak of whatever is in the value."""

    def inside(self, name: str) -> "_Beside | None":
        """Return what is beside the schema of a property."""
        return _Beside(everything=True) if self.everything or name in self.names else None


class _Rewriter:
    """Rewrites one schema, whose definitions are numbered anew.

    A definition that is used alone is rewritten in full. One that is combined with others is left
    open, since they may add to it.
    """

    def __init__(self, root: Any, *, strict: bool) -> None:
        self._root = root
        self._strict = strict
        self._names: dict[tuple[str, _Beside | None], str] = {}
        self._waiting: deque[tuple[str, _Beside | None]] = deque()

    def whole(self) -> Any:
        """Return the schema with all that it refers to."""
        found = self._of(self._root, None, "#")
        definitions = {}
        while self._waiting:
            reference, beside = self._waiting.popleft()
            part = self._of(target(self._root, reference), beside, reference)
            definitions[self._names[reference, beside]] = part
        return {**found, "$defs": definitions} if definitions else found

    def _of(self, schema: Any, beside: _Beside | None, place: str) -> Any:
        """Return a part; ``beside``: other schemas that apply to its value, if there are any."""
        if isinstance(schema, bool):
            return schema
        combined = self._is_combined(schema)
        inner = self._sharing(schema) if combined and beside is None else beside
        for name in UNSAYABLE:
            if name in schema and not (name == "uniqueItems" and schema[name] is False):
                self._unsayable(name, place)
        said = self._sayable({k: v for k, v in schema.items() if k in _KEPT}, place)
        result = self._order(schema, self._within(schema, inner, place) | said)
        if beside is not None:
            return result
        if combined:
            return self._closed_over(schema, result)
        if any(name in schema for name in COMBINATIONS):
            return result
        self._complete(schema, result, place)
        return _with_numbers_at_bounds(result)

    def _within(self, schema: Mapping[str, Any], beside: _Beside | None, place: str) -> Schema:
        """Return the keywords that have schemas."""
        result: Schema = {}
        for name in MAPS:
            if name in schema:
                result[name] = {
                    key: self._of(part, beside and beside.inside(key), f"{place}/{name}/{key}")
                    for key, part in schema[name].items()
                }
        # Only properties can be told from those of other schemas.
        contents = beside and _Beside(everything=True)
        first, further = schema.get("prefixItems"), schema.get("items")
        if isinstance(further, list):  # as in older drafts
            first, further = further, schema.get("additionalItems")
        if first:
            result["prefixItems"] = self._each(first, contents, f"{place}/prefixItems")
        for name, part in (
            ("items", further),
            ("additionalProperties", schema.get("additionalProperties")),
        ):
            if part is not None:
                result[name] = self._of(part, contents, f"{place}/{name}")
        for name in ("allOf", "anyOf"):
            if name in schema:
                result[name] = self._each(schema[name], beside, f"{place}/{name}")
        if "oneOf" in schema:
            if self._strict:
                check_apart(schema, self._root)
            any_of = self._each(schema["oneOf"], beside, f"{place}/oneOf")
            if "anyOf" in result:
                result["allOf"] = [*result.get("allOf", ()), {"anyOf": any_of}]
            else:
                result["anyOf"] = any_of
        if "$ref" in schema:
            result["$ref"] = f"#/$defs/{self._name(schema['$ref'], beside)}"
        return result

    def _each(self, parts: Sequence[Any], beside: _Beside | None, place: str) -> list[Any]:
        return [self._of(part, beside, f"{place}/{index}") for index, part in enumerate(parts)]

    def _name(self, reference: str, beside: _Beside | None) -> str:
        """Return the new name of a definition."""
        key = (reference, beside)
        if key not in self._names:
            self._names[key] = str(len(self._names))
            self._waiting.append(key)
        return self._names[key]

    def _sharing(self, schema: Mapping[str, Any]) -> _Beside:
        """Return of what the schemas that a combined one consists of speak together."""
        parts = list(self._all_parts(schema, set()))
        counts = Counter(name for part in parts for name in part.get("properties", ()))
        limits = ("additionalProperties", "patternProperties")
        return _Beside(
            frozenset(name for name, count in counts.items() if count > 1),
            everything=any(name in part for part in parts for name in limits),
        )

    @staticmethod
    def _order(schema: Mapping[str, Any], result: Schema) -> Schema:
        """Return the keywords in their first order, which that of the properties follows."""
        names = ("anyOf" if name == "oneOf" else name for name in schema)
        known = [name for name in names if name in result]
        return {name: result[name] for name in dict.fromkeys([*known, *result])}

    @staticmethod
    def _is_combined(schema: Mapping[str, Any]) -> bool:
        """Return whether more than one schema applies to the value."""
        parts = len(schema.get("allOf", ())) + sum(
            name in schema for name in ("$ref", "anyOf", "oneOf")
        )
        own = any(name in schema for name in (*_KEPT, *MAPS, *SINGLES, "prefixItems"))
        return parts + own > 1 and parts > 0

    def _unsayable(self, name: str, place: str) -> None:
        if self._strict:
            at = "" if place == "#" else f" (at {place[:200]})"
            raise SchemaRefused(
                f"No grammar can enforce the schema's {name}{at}; leave out that, or strict."
            )

    def _sayable(self, said: Schema, place: str) -> Schema:
        """Return the simple keywords that llguidance can enforce in bounded time."""
        result = {name: value for name, value in said.items() if value is not False or
                  name in ("const",)}  # fmt: skip
        for name in COUNTS:
            if name in result:
                result[name] = int(result[name])  # it may be written as 2.0
        bounds = ("pattern", "minLength", "maxLength")
        if result.get("format") not in FORMATS or any(name in result for name in bounds):
            result.pop("format", None)
        if is_broken(result.get("pattern", "")):
            self._unsayable("pattern, which is not a regular expression", place)
            del result["pattern"]
        if "multipleOf" in result and not _is_small(result["multipleOf"]):
            self._unsayable("multipleOf", place)
            del result["multipleOf"]
        return result

    def _complete(self, schema: Mapping[str, Any], result: Schema, place: str) -> None:
        """Say what is meant by a schema that alone applies to its value."""
        if "type" not in result and "enum" not in result and "const" not in result:
            kinds = [kind for kind, names in _OF_KIND.items() if any(n in schema for n in names)]
            if kinds:
                result["type"] = kinds if kinds[1:] else kinds[0]
        if "prefixItems" in result and "items" not in result:
            least = result.get("minItems", 0)
            result["items"] = least > len(result["prefixItems"])
            most = result.get("maxItems", len(result["prefixItems"]))
            result["minItems"] = max(least, min(most, len(result["prefixItems"])))
        if "properties" in result and not {"additionalProperties", "patternProperties"} & {*result}:
            for name in result.get("required", ()):
                result["properties"].setdefault(name, True)
            result["additionalProperties"] = False
        self._check_counts(result, place)

    def _check_counts(self, result: Schema, place: str) -> None:
        """Leave out counts of properties that llguidance cannot combine with optional ones."""
        optional = {*result.get("properties", ())} - {*result.get("required", ())}
        if not optional:
            return
        closed = result.get("additionalProperties") is False
        chosen = closed and "patternProperties" not in result and len(optional) <= _MOST_CHOSEN
        low, high = result.get("minProperties", 0), result.get("maxProperties")
        needed = len(result.get("required", ()))
        if chosen and low <= needed + 1 and high in (None, needed + 1):
            return
        for name in ("minProperties", "maxProperties"):
            if result.pop(name, None):
                self._unsayable(name, place)

    def _closed_over(self, schema: Mapping[str, Any], result: Schema) -> Schema:
        """Close an object to which several schemas apply to the properties that they name."""
        names: dict[str, None] = {}
        open_parts, typed = False, False
        for part in self._all_parts(schema, set()):
            names |= dict.fromkeys([*part.get("properties", ()), *part.get("required", ())])
            limits = ("additionalProperties", "patternProperties")
            open_parts = open_parts or any(name in part for name in limits)
            typed = typed or any(name in part for name in ("type", "enum", "const"))
        if not names:
            return result
        if not typed:
            result = {"type": "object", **result}
        if open_parts:
            return result
        known = {"properties": dict.fromkeys(names, True), "additionalProperties": False}
        return {**result, "allOf": [*result.get("allOf", ()), known]}

    def _all_parts(self, schema: Any, seen: set[str]) -> Iterator[Mapping[str, Any]]:
        """Yield all schemas that may apply to the value."""
        if not isinstance(schema, dict):
            return
        yield schema
        for name in ("allOf", "anyOf", "oneOf"):
            for part in schema.get(name, ()):
                yield from self._all_parts(part, seen)
        if (reference := schema.get("$ref")) is not None and reference not in seen:
            seen.add(reference)
            yield from self._all_parts(target(self._root, reference), seen)


def _with_numbers_at_bounds(schema: Schema) -> Schema:
    """Return a complete schema that takes all numbers within its bounds."""
    types = schema.get("type", ())
    is_number = "number" in (types if isinstance(types, list) else [types])
    if not is_number or {"enum", "const", "multipleOf"} & {*schema}:
        return schema
    numbers = numbers_at_bounds(schema)
    return {"anyOf": [schema, {"enum": numbers}]} if numbers else schema


def _is_small(number: float) -> bool:
    """Return whether llguidance can enforce multiples of a number, and in few states."""
    while 0 < number <= _MOST_UNITS and number % 1:
        number *= 10
    return 0 < number <= _MOST_UNITS
