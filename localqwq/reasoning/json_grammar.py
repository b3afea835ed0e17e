"""Grammars for an answer in JSON and for the body of a tool call."""

from collections.abc import Mapping, Sequence
from typing import Any

from localqwq.reasoning.lark import (
    Check,
    SchemaRefused,
    grammar,
    json_literal,
    json_value,
    literal,
)
from localqwq.reasoning.schema_rewriting import loosened, patterns, rewritten

LEAD = r"LEAD: /\n{0,2}/"
"""The blank lines that models are trained to leave after a thought; they are not reported."""
END = r"END: /\n?/"
"""Many vocabularies have a token for the last bracket together with the line's end."""
SPACE = r"SPACE: /( |\n[ \t]{0,20})?/"
"""Usual white space: none, a space, or a new line with its indent."""
GAP = "GAP: / ?/"
"""White space before a value on its line."""


def json_grammar(wanted: Mapping[str, Any], check: Check) -> str:
    """The grammar for an answer of this ``response_format``, blank lines before it included.

    Raises :class:`SchemaRefused` if there is none.
    """
    kind = wanted.get("type")
    if kind == "json_object":
        schema, strict = wanted.get("schema", {"type": "object"}), False
    elif kind == "json_schema":
        described = wanted.get("json_schema")
        if not isinstance(described, dict) or "schema" not in described:
            raise SchemaRefused('A json_schema must be {"name": …, "schema": {…}}.')
        schema, strict = described["schema"], described.get("strict") is True
    else:
        raise SchemaRefused(
            "The type of response_format must be text, json_object, json_schema, grammar, regex or "
            "choice."
        )
    value = schema_value(schema, check, strict=strict)
    return grammar("LEAD value END", LEAD, END, f"value: {value}")


def call_grammar(tools: Sequence[Mapping[str, Any]], check: Check, key: str = "arguments") -> str:
    """Return the grammar for the body of a call of one of these tools; ``key`` names the arguments.

    A tool whose schema yields no grammar accepts any object, unless it is ``strict``, which raises
    :class:`SchemaRefused`.
    """
    rules, named = [], literal(f'"{key}":')
    for index, tool in enumerate(tools):
        function = tool["function"]
        opening = literal(f"{json_literal(function['name'])},")
        parts = f"{opening} SPACE {named} GAP arguments_{index}"
        rules += [f"call_{index}: {parts}", f"arguments_{index}: {arguments(function, check)}"]
    call = " | ".join(f"call_{index}" for index in range(len(tools)))
    name = literal('"name":')
    start = f'SPACE "{{" SPACE {name} GAP call SPACE "}}" END'
    return grammar(start, f"call: {call}", *rules, SPACE, GAP, END)


def arguments(function: Mapping[str, Any], check: Check) -> str:
    """Return an expression for a tool's arguments; without ``parameters`` it has none.

    Raises :class:`SchemaRefused` for a strict tool that cannot be enforced.
    """
    schema = function.get("parameters")
    if schema is None:
        schema = {"type": "object", "properties": {}}
    strict = function.get("strict") is True
    try:
        return schema_value(schema, check, strict=strict, kind="object")
    except SchemaRefused as error:
        if strict:
            name = str(function["name"])[:80]
            raise SchemaRefused(f"The tool {name!r} cannot be enforced: {error}") from error
        return json_value({"type": "object"})


def schema_value(schema: Any, check: Check, *, strict: bool, kind: str | None = None) -> str:
    """Return an expression for the values of a schema; ``kind`` restricts them to one type.

    What cannot be enforced is left to the model, unless it is ``strict``.

    Raises:
        SchemaRefused: no grammar can be made of it.
    """
    found = rewritten(schema, strict=strict, kind=kind)
    reason = check(_only(found))
    if reason and not strict:
        for part, regex in patterns(found):
            if check(_only({"type": "string", "pattern": regex})):
                del part["pattern"]
        reason = check(_only(found))
    if reason and not strict and not _is_impossible(reason):
        found = loosened(found)
        reason = check(_only(found))
    if reason:
        raise SchemaRefused(_sentence(reason))
    return json_value(found)


def _only(schema: Any) -> str:
    return grammar("value", f"value: {json_value(schema)}")


def _is_impossible(reason: str) -> bool:
    return "Unsatisfiable schema" in reason


def _sentence(reason: str) -> str:
    """Return what is in the way of a schema, for people."""
    if _is_impossible(reason):
        return f"No value can satisfy the schema: {reason.split('Unsatisfiable schema: ')[-1]}."
    if "look-around" in reason:
        return (
            "No grammar can enforce the schema's pattern (a look-around); leave out that, or "
            "strict."
        )
    return f"The schema yields no usable grammar: {reason}."
