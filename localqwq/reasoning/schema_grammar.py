"""Converting a JSON schema to the rules of a grammar.

A grammar allows nothing that its schema forbids, but may allow less: properties come in the
schema's order, and additional ones only if the schema names or requests them. Keywords that no
grammar can express (such as ``uniqueItems``) are rejected for a strict schema, and left to the
model otherwise.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

from localqwq.reasoning.ambiguity import Part, check_ambiguity
from localqwq.reasoning.gbnf import GrammarTooLarge, Rules, literal
from localqwq.reasoning.json_text import JsonText, json_literal
from localqwq.reasoning.patterns import PatternRefused, pattern_rule
from localqwq.reasoning.ranges import integer_range, number_range
from localqwq.reasoning.schema_forms import ANY, Form, SchemaForms, SchemaRefused, canonical

MAX_SCHEMA = 256 * 1024
"""Maximum characters of a schema as JSON."""
MAX_PROPERTIES = 256
_MAX_WORK = 8 * 1024 * 1024
"""Maximum characters of all forms of one schema."""

_FORMATS = {
    "date": r"^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$",
    "time": r"^([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,9})?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$",
    "date-time": r"^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])"
    r"T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,9})?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$",
    "uuid": r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$",
}
"""Supported string formats; any other is a remark, as JSON Schema defines it."""
_UNSAYABLE = (
    "not",
    "if",
    "contains",
    "dependencies",
    "dependentRequired",
    "dependentSchemas",
    "maxProperties",
    "minProperties",
    "multipleOf",
    "patternProperties",
    "propertyNames",
    "unevaluatedItems",
    "unevaluatedProperties",
    "$dynamicRef",
    "$recursiveRef",
)


class SchemaGrammar:
    """Creates the rules for one schema."""

    def __init__(self, rules: Rules, schema: Any, *, strict: bool) -> None:
        if len(canonical(schema)) > MAX_SCHEMA:
            raise SchemaRefused(f"The schema has more than {MAX_SCHEMA} characters.")
        self._rules = rules
        self._text = JsonText(rules)
        self._schema = schema
        self._strict = strict
        self._forms = SchemaForms(schema, strict=strict)
        self._parts: dict[str, Part] = {}
        self._unions: dict[int, list[Part]] = {}
        self._waiting: deque[Part] = deque()
        self._work = 0

    def root(self, kind: str | None = None) -> str:
        """Return the name of the rule for the whole; ``kind`` restricts the values to one type."""
        forms = self._forms.of(self._schema)
        if kind is not None:
            forms = [{**form, "type": kind} for form in forms if form["type"] in (kind, ANY)]
        parts = self._of(forms)
        if not parts:
            raise SchemaRefused("No value can satisfy the schema.")
        while self._waiting:
            part = self._waiting.popleft()
            self._rules.define(part.rule, self._body(part))
        check_ambiguity(parts, self._parts.values())
        return self._rules.union(part.rule for part in parts)

    def _value(self, part: Part, schema: Any) -> str | None:
        """Return the rule for a value within a part; ``None`` if there cannot be one."""
        forms = self._forms.of(schema)
        inner = self._unions.get(id(forms))  # the same list for the same schema
        if inner is None:
            inner = self._unions[id(forms)] = self._of(forms)
        part.values.append(inner)
        return self._rules.union(each.rule for each in inner) if inner else None

    def _of(self, forms: Sequence[Form]) -> list[Part]:
        return [self._part(form) for form in forms]

    def _part(self, form: Form) -> Part:
        key = canonical(form)
        self._work += len(key)
        if self._work > _MAX_WORK:
            raise GrammarTooLarge("it is too large")
        part = self._parts.get(key)
        if part is None:
            part = self._parts[key] = Part(self._rules.reserve(), form)
            self._waiting.append(part)
        return part

    def _body(self, part: Part) -> str:
        form = part.form
        for name in _UNSAYABLE:
            if name in form:
                self._unsayable(name)
        if form.get("uniqueItems") is True:
            self._unsayable("uniqueItems")
        match form["type"]:
            case "object":
                return self._object(part)
            case "array":
                return self._array(part)
            case "string":
                return self._string(form)
            case "number" | "integer":
                return self._number(form)
            case "boolean":
                return self._listed(form) or self._text.boolean
            case "null":
                return self._text.null
            case _:
                return self._text.value()

    def _unsayable(self, name: str) -> None:
        if self._strict:
            raise SchemaRefused(
                f"No grammar can enforce the schema's {name}; leave out that, or strict."
            )

    def _listed(self, form: Form) -> str | None:
        """Return the rule for listed values, if there are any."""
        if "enum" not in form:
            return None
        return self._text.values(json_literal(value) for value in form["enum"])

    def _string(self, form: Form) -> str:
        if (listed := self._listed(form)) is not None:
            return listed
        low, high = _count(form, "minLength") or 0, _count(form, "maxLength")
        pattern = form.get("pattern")
        if pattern is None and low == 0 and high is None:
            pattern = _FORMATS.get(str(form.get("format")))
        if pattern is not None:
            try:
                if low or high is not None:
                    raise PatternRefused("a pattern together with a length")
                return pattern_rule(self._text, str(pattern))
            except PatternRefused as error:
                self._unsayable(f"pattern ({error})")
        _check_bounds(low, high, "length")
        letters = self._rules.repeat(self._text.letter, low, high)
        return rf'"\"" {letters} "\""'

    def _number(self, form: Form) -> str:
        if (listed := self._listed(form)) is not None:
            return listed
        bounds = {
            name: _bound(form, name)
            for name in ("minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum")
        }
        if all(bound is None for bound in bounds.values()):
            return self._text.integer if form["type"] == "integer" else self._text.number
        make = integer_range if form["type"] == "integer" else number_range
        found = make(self._rules, *bounds.values())
        if found is None:
            raise SchemaRefused("No number of at most 18 digits is within the schema's bounds.")
        return found

    def _array(self, part: Part) -> str:
        form = part.form
        if (listed := self._listed(form)) is not None:
            return listed
        first = form.get("prefixItems", [])
        further = form.get("items", not first)
        if isinstance(further, list):  # as in older drafts
            first, further = further, form.get("additionalItems", False)
        if not isinstance(first, list):
            raise SchemaRefused("The schema's prefixItems must be a list of schemas.")
        low, high = _count(form, "minItems") or 0, _count(form, "maxItems")
        _check_bounds(low, high, "number of items")
        if low > len(first) and further is False and "items" not in form:
            further = True
        if not first:
            item = self._value(part, further)
            if item is None and low:
                raise SchemaRefused("The schema asks for items that no value can satisfy.")
            return self._text.listing(item or self._text.null, low, 0 if item is None else high)
        return self._tuple(part, first[:high], further, low, high)

    def _tuple(
        self, part: Part, first: Sequence[Any], further: Any, low: int, high: int | None
    ) -> str:
        items = [self._value(part, schema) for schema in first]
        if None in items:
            raise SchemaRefused("The schema asks for items that no value can satisfy.")
        space = self._text.space
        body = f' "," {space} '.join(map(str, items))
        item = self._value(part, further)
        if item is not None and (high is None or high > len(items)):
            more = self._rules.add(f'"," {space} {item}')
            rest = None if high is None else high - len(items)
            body += " " + self._rules.repeat(more, max(0, low - len(items)), rest)
        return f'"[" {space} {body} {space} "]"'

    def _object(self, part: Part) -> str:
        form = part.form
        if (listed := self._listed(form)) is not None:
            return listed
        properties = dict(_mapping(form, "properties"))
        required = _names(form, "required")
        others = form.get("additionalProperties", None if "properties" in form else True)
        for name in required:
            properties.setdefault(name, True if others is None else others)
        if len(properties) > MAX_PROPERTIES:
            raise SchemaRefused(
                f"An object of the schema has more than {MAX_PROPERTIES} properties."
            )
        value = None if others is None or others is False else self._value(part, others)
        if not properties:
            if value is None:
                return f'"{{" {self._text.space} "}}"'
            return self._text.mapping(self._text.string, value)
        return self._members(part, properties, required, value)

    def _members(
        self, part: Part, properties: Mapping[str, Any], required: Sequence[str], other: str | None
    ) -> str:
        """Return an object with its properties in order, each after all before it, then any
        others.
        """
        rules, space = self._rules, self._text.space
        more, first = space, '""'
        if other is not None:
            key = self._text.other_key(list(properties))
            pair = rules.add(f'{key} ":" {self._text.gap} {other}')
            more = rules.add(f'("," {space} {pair})* {space}')
            first = rules.add(f'"" | {pair} {more}')
        for name, schema in reversed(list(properties.items())):
            value = self._value(part, schema)
            needed = name in required
            if value is None:
                if needed:
                    raise SchemaRefused(f"No value can satisfy the property {name[:80]!r}.")
                continue
            pair = rules.add(f'{literal(json_literal(name))} ":" {self._text.gap} {value}')
            with_it, alone = f'"," {space} {pair} {more}', f"{pair} {more}"
            more, first = (
                (rules.add(with_it), rules.add(alone))
                if needed
                else (rules.add(f"{with_it} | {more}"), rules.add(f"{alone} | {first}"))
            )
        return f'"{{" {space} {first} "}}"'


def _count(form: Form, name: str) -> int | None:
    value = form.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value // 1:
        raise SchemaRefused(f"The schema's {name} must be a whole number.")
    if value < 0:
        raise SchemaRefused(f"The schema's {name} must not be negative.")
    return int(value)


def _bound(form: Form, name: str) -> int | float | None:
    value = form.get(name)
    if value is None or value is False:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or value - value != 0:
        raise SchemaRefused(f"The schema's {name} must be a number.")
    return value


def _check_bounds(low: int, high: int | None, what: str) -> None:
    if high is not None and high < low:
        raise SchemaRefused(f"The schema asks for a {what} of at least {low} and at most {high}.")


def _mapping(form: Form, name: str) -> Mapping[str, Any]:
    value = form.get(name, {})
    if not isinstance(value, dict):
        raise SchemaRefused(f"The schema's {name} must be an object.")
    return value


def _names(form: Form, name: str) -> list[str]:
    value = form.get(name, [])
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise SchemaRefused(f"The schema's {name} must be a list of names.")
    return list(dict.fromkeys(value))
