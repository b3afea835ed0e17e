"""The grammar for the body of a call in Qwen3-Coder's XML.

    <function=NAME>
    <parameter=KEY>
    VALUE
    </parameter>
    </function>

A value that may be text is text as it is, up to its closing tag; any other is JSON.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from localqwq.reasoning.gbnf import GrammarTooLarge, Ranges, Rules, literal, no_character
from localqwq.reasoning.json_text import JsonText
from localqwq.reasoning.schema_forms import ANY, SchemaForms, SchemaRefused
from localqwq.reasoning.schema_grammar import SchemaGrammar

_CLOSE = "</parameter>"


def xml_call_grammar(tools: Sequence[Mapping[str, Any]]) -> str:
    """Return the grammar for the body of a call of one of these tools.

    Parameters come in the schema's order, and no others. Constraints that JSON's grammar does not
    express are left to the model.

    Raises:
        SchemaRefused: a name cannot be written in this format.
    """
    rules = Rules()
    bodies = [_body(rules, tool["function"]) for tool in tools]
    space = JsonText(rules).space
    try:
        return rules.text(f'{space} {rules.union(bodies)} "</function>" "\\n"?')
    except GrammarTooLarge as error:
        raise SchemaRefused(f"The tools make no usable grammar: {error}.") from error


def _body(rules: Rules, function: Mapping[str, Any]) -> str:
    parameters = function.get("parameters") or {}
    required = parameters.get("required", ())
    parts = [literal(f"<function={_name(function['name'])}>\n")]
    for key, schema in (parameters.get("properties") or {}).items():
        value = _value(rules, schema, parameters)
        opening, closing = literal(f"<parameter={_name(key)}>\n"), literal(f"\n{_CLOSE}\n")
        parameter = rules.add(f"{opening} {value} {closing}")
        parts.append(parameter if key in required else f"{parameter}?")
    return rules.add(" ".join(parts))


def _name(name: str) -> str:
    if not name or ">" in name or "\n" in name or "\0" in name:
        raise SchemaRefused(
            f"The name {name[:80]!r} cannot be written in the model's form of calls."
        )
    return name


def _value(rules: Rules, schema: Any, parameters: Mapping[str, Any]) -> str:
    """Return the rule for one value; definitions are those of the tool's parameters."""
    shared = {name: parameters[name] for name in ("$defs", "definitions") if name in parameters}
    whole = {**shared, **schema} if isinstance(schema, dict) else schema
    try:
        forms = SchemaForms(whole).of(whole)
        kinds = {form["type"] for form in forms}
        if kinds == {"string"} and all(_is_listed(form) for form in forms):
            return rules.union(rules.add(literal(one)) for form in forms for one in form["enum"])
        if kinds & {"string", ANY}:
            return _text(rules)
        for attempt in (Rules(), rules):  # a failure must leave nothing behind
            rule = SchemaGrammar(attempt, whole, strict=False).root()
        return rule
    except (SchemaRefused, GrammarTooLarge):
        return _text(rules)


def _is_listed(form: Mapping[str, Any]) -> bool:
    """Return whether the form lists texts that can be told from the tag after them."""
    return "enum" in form and not any("\0" in one or _CLOSE in one for one in form["enum"])


def _text(rules: Rules) -> str:
    """Return the rule for text without the closing tag; a partial tag must continue differently."""
    ways = [
        f"{literal(_CLOSE[:count])} ({no_character(_points('<', _CLOSE[count]))} [^<]*)?"
        for count in range(1, len(_CLOSE))
    ]
    begun = rules.add(" | ".join(ways))
    return rules.add(f"[^<]* {begun}*")


def _points(*letters: str) -> Ranges:
    return [(ord(letter), ord(letter)) for letter in letters]
