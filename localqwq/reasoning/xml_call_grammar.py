"""The grammar for the body of a call in Qwen3-Coder's XML.

    <function=NAME>
    <parameter=KEY>
    VALUE
    </parameter>
    </function>

A value that may be text is text as it is, up to its closing tag; any other is JSON.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from localqwq.reasoning.json_grammar import END, SPACE, schema_value
from localqwq.reasoning.lark import Check, SchemaRefused, grammar, literal
from localqwq.reasoning.schema_rewriting import rewritten

_CLOSE = "</parameter>"
_CLOSING = literal(f"\n{_CLOSE}\n")
_TEXT = (
    r"PLAIN: /(?s:.*)/ & ~/(?s:.*)<\/parameter>(?s:.*)/",
    f"TEXT: PLAIN {_CLOSING}",
)
"""Text without the closing tag, and then the tag: as two terminals, the first took part of it."""


def xml_call_grammar(tools: Sequence[Mapping[str, Any]], check: Check) -> str:
    """Return the grammar for the body of a call of one of these tools.

    Parameters come in the schema's order, and no others. Constraints that JSON's grammar does not
    express are left to the model.

    Raises:
        SchemaRefused: a name cannot be written in this format.
    """
    rules: list[str] = []
    for index, tool in enumerate(tools):
        rules += _call(f"call_{index}", tool["function"], check)
    call = " | ".join(f"call_{index}" for index in range(len(tools)))
    start = 'SPACE call "</function>" END'
    return grammar(start, f"call: {call}", *rules, *_TEXT, SPACE, END)


def _call(rule: str, function: Mapping[str, Any], check: Check) -> list[str]:
    """Return the rules for a call of one tool."""
    parameters = function.get("parameters") or {}
    required = parameters.get("required", ())
    parts, rules = [literal(f"<function={_name(function['name'])}>\n")], []
    for index, (key, schema) in enumerate((parameters.get("properties") or {}).items()):
        name = f"{rule}_{index}"
        opening = literal(f"<parameter={_name(key)}>\n")
        rules += [
            f"{name}: {opening} {name}_value",
            f"{name}_value: {_value(schema, parameters, check)}",
        ]
        parts.append(name if key in required else f"{name}?")
    return [f"{rule}: {' '.join(parts)}", *rules]


def _name(name: str) -> str:
    if not name or ">" in name or "\n" in name or "\0" in name:
        raise SchemaRefused(
            f"The name {name[:80]!r} cannot be written in the model's format for tool calls."
        )
    return name


def _value(schema: Any, parameters: Mapping[str, Any], check: Check) -> str:
    """Return an expression for one value and its closing tag.

    Definitions are those of the tool's parameters.
    """
    shared = {name: parameters[name] for name in ("$defs", "definitions") if name in parameters}
    whole = {**shared, **schema} if isinstance(schema, dict) else schema
    try:
        plain = rewritten(whole, strict=False)
        texts = _listed(plain)
        if texts:
            return f"({' | '.join(map(literal, texts))}) {_CLOSING}"
        if _may_be_text(plain, plain, 0):
            return "TEXT"
        return f"({schema_value(whole, check, strict=False)}) {_CLOSING}"
    except SchemaRefused:
        return "TEXT"


def _listed(schema: Any) -> list[str]:
    """Return the texts that a value is one of, if they can be told from the tag after them."""
    if not isinstance(schema, dict) or not {"enum", "const"} & {*schema}:
        return []
    values = schema.get("enum", [schema.get("const")])
    usable = (isinstance(one, str) and one and not re.search(f"\0|{_CLOSE}", one) for one in values)
    return list(values) if all(usable) else []


def _may_be_text(schema: Any, root: Any, depth: int) -> bool:
    """Return whether a value may be text as far as the schema shows."""
    if schema is True or depth > 8:
        return True
    if schema is False:
        return False
    if "type" in schema:
        return "string" in schema["type"]  # one name, or a list of them
    if "enum" in schema or "const" in schema:
        return any(isinstance(one, str) for one in schema.get("enum", [schema.get("const")]))
    if "$ref" in schema:
        return _may_be_text(root["$defs"][schema["$ref"].rsplit("/", 1)[1]], root, depth + 1)
    for name, of_parts in (("allOf", all), ("anyOf", any), ("oneOf", any)):
        if name in schema:
            return of_parts(_may_be_text(part, root, depth + 1) for part in schema[name])
    return True
