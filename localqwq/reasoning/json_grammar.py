"""Grammars for an answer in JSON and for the body of a tool call."""

from collections.abc import Mapping, Sequence
from typing import Any

from localqwq.reasoning.gbnf import GrammarTooLarge, Rules, literal
from localqwq.reasoning.json_text import JsonText, json_literal
from localqwq.reasoning.schema_forms import SchemaRefused as SchemaRefused
from localqwq.reasoning.schema_grammar import SchemaGrammar

_END = r'"\n"?'
"""Many vocabularies have a token for the last bracket together with the line's end."""


def json_grammar(wanted: Mapping[str, Any]) -> str:
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
    try:
        rules = Rules()
        root = SchemaGrammar(rules, schema, strict=strict).root()
        return rules.text(f'"\\n"{{0,2}} {root} {_END}')
    except GrammarTooLarge as error:
        raise SchemaRefused(f"The schema yields no usable grammar: {error}.") from error


def call_grammar(tools: Sequence[Mapping[str, Any]], key: str = "arguments") -> str:
    """Return the grammar for the body of a call of one of these tools; ``key`` names the arguments.

    A tool whose schema yields no grammar accepts any object, unless it is ``strict``, which raises
    :class:`SchemaRefused`.
    """
    rules = Rules()
    text = JsonText(rules)
    bodies = []
    for tool in tools:
        function = tool["function"]
        name = literal(json_literal(function["name"]))
        arguments = _arguments(rules, function)
        bodies.append(rules.add(f'{name} "," {text.space} "\\"{key}\\":" {text.gap} {arguments}'))
    call = f'{text.space} "{{" {text.space} "\\"name\\":" {text.gap}'
    return rules.text(f'{call} {rules.union(bodies)} {text.space} "}}" {_END}')


def _arguments(rules: Rules, function: Mapping[str, Any]) -> str:
    """Return the rule for a tool's arguments; without ``parameters`` it has none."""
    schema = function.get("parameters")
    if schema is None:
        schema = {"type": "object", "properties": {}}
    strict = function.get("strict") is True
    try:
        for attempt in (Rules(), rules):  # a failure must leave nothing behind
            rule = SchemaGrammar(attempt, schema, strict=strict).root("object")
        return rule
    except (SchemaRefused, GrammarTooLarge) as error:
        if strict:
            name = str(function["name"])[:80]
            reason = str(error) if isinstance(error, SchemaRefused) else f"It fails: {error}."
            raise SchemaRefused(f"The tool {name!r} cannot be enforced: {reason}") from error
        return JsonText(rules).object()
