"""The grammar for the calls of a turn, as DeepSeek's R1 and V3 list them.

    <｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>NAME
    ```json
    ARGUMENTS
    ```<｜tool▁call▁end｜><｜tool▁calls▁end｜>

Newer versions omit the kind and the fence around the arguments.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from localqwq.reasoning.json_grammar import arguments
from localqwq.reasoning.lark import Check, SchemaRefused, grammar, literal
from localqwq.reasoning.tags import Tag

CALL_END = "<｜tool▁call▁end｜>"
_CALL_BEGIN, _SEPARATOR = "<｜tool▁call▁begin｜>", "<｜tool▁sep｜>"


def listed_call_grammar(
    tools: Sequence[Mapping[str, Any]],
    check: Check,
    *,
    first: str | None = None,
    several: bool = True,
) -> str:
    """Return the grammar for what follows the opening tag, with the closing tag.

    ``first``: the tool that must be called first; ``several``: whether more calls may follow.

    Raises:
        SchemaRefused: a name cannot be written in this format.
    """
    rules, names = [], []
    for index, tool in enumerate(tools):
        name, rule = tool["function"]["name"], f"call_{index}"
        if first in (None, name):
            names.append(rule)
        rules += [
            f"{rule}: {_call(name, 'arguments_' + str(index))}",
            f"arguments_{index}: {arguments(tool['function'], check)}",
        ]
    more = "(BREAK call)*" if several else ""
    calls = " | ".join(f"call_{index}" for index in range(len(tools)))
    return grammar(
        f"BREAK first {more} {literal(Tag.CALLS_CLOSE.value)}",
        f"first: {' | '.join(names)}",
        f"call: {calls}",
        *rules,
        r"BREAK: /\n?/",
    )


def _call(name: str, rule: str) -> str:
    if not name or any(mark in name for mark in "<{\n\0"):
        raise SchemaRefused(
            f"The name {name[:80]!r} cannot be written in the model's format for tool calls."
        )
    opening, fence = literal(f"function{_SEPARATOR}{name}\n```json\n"), literal("\n```")
    plain = literal(name + _SEPARATOR)
    ways = f"({opening} {rule} {fence} | {plain} {rule})"
    return f"{literal(_CALL_BEGIN)} {ways} {literal(CALL_END)}"
