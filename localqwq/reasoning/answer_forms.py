"""Grammars for constrained answers: JSON, a regular expression, a choice, or GBNF.

Forms are written like OpenAI's ``response_format``, which has additional types here.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from localqwq.reasoning.json_grammar import LEAD, json_grammar
from localqwq.reasoning.lark import Check, SchemaRefused, grammar, is_broken, literal, pattern

_MAX_GRAMMAR = 1 << 16
"""Maximum characters of a grammar in GBNF."""
_MAX_NESTING = 64
"""llama.cpp parses parentheses recursively, and ends the process if they are nested too deeply."""
_MAX_QUANTIFIERS = 200
"""Maximum number of ``?``, ``*``, ``+`` and ``{…}``: llama.cpp's time grows with their square."""
_MAX_CHOICES = 1000
_TERMINAL = re.compile(r'"(?:\\.|[^"\\])*"|\[(?:\\.|[^\]\\])*\]|#[^\n]*', re.DOTALL)
"""Texts, classes of characters and comments of a grammar."""
_LONGEST_PATTERN = 10_000
_QUANTIFIER = re.compile(r"[?*+]|\{\s*(\d+)\s*(?:,\s*(\d*)\s*)?\}")


@dataclass(frozen=True, slots=True)
class Form:
    """A grammar for an answer or a call."""

    text: str
    notation: Literal["lark", "gbnf"] = "lark"
    """Lark's, which llguidance reads, or llama.cpp's own."""
    is_json: bool = False
    """Whether all of it is one JSON value, with white space around it."""


def answer_form(wanted: Mapping[str, Any], check: Check, *, turn: bool = True) -> Form:
    """Return the grammar for an answer of this ``response_format``.

    ``turn``: whether it is a turn of a conversation, which the model may begin with blank lines.

    Raises:
        SchemaRefused: there is none.
    """
    match wanted.get("type"):
        case "grammar":
            return Form(_gbnf(wanted), "gbnf")
        case "regex":
            return Form(_regex(wanted, check, turn=turn))
        case "choice":
            return Form(_choice(wanted, check, turn=turn))
        case _:
            return Form(json_grammar(wanted, check), is_json=True)


def _gbnf(wanted: Mapping[str, Any]) -> str:
    text = wanted.get("grammar")
    if not isinstance(text, str) or not text.strip():
        raise SchemaRefused('A grammar must be {"type": "grammar", "grammar": "root ::= …"}.')
    if len(text) > _MAX_GRAMMAR:
        raise SchemaRefused(f"The grammar has more than {_MAX_GRAMMAR} characters.")
    if "\0" in text or not _is_unicode(text):
        raise SchemaRefused("The grammar has characters that are not text.")
    _check_shape(_TERMINAL.sub(" ", text))
    return text


def _check_shape(rules: str) -> None:
    """Refuse rules, given without their terminals, that llama.cpp would parse without end."""
    if _nesting(rules) > _MAX_NESTING:
        raise SchemaRefused(f"The grammar nests more than {_MAX_NESTING} parentheses.")
    quantifiers = list(_QUANTIFIER.finditer(rules))
    if len(quantifiers) > _MAX_QUANTIFIERS:
        raise SchemaRefused(f"The grammar has more than {_MAX_QUANTIFIERS} repetitions.")
    for found in quantifiers:
        low, high = found[1], found[2]
        if high and int(high[:18]) < int(low[:18]):
            raise SchemaRefused(f"The grammar's repetition {found[0]} ends before it begins.")


def _regex(wanted: Mapping[str, Any], check: Check, *, turn: bool) -> str:
    regex = wanted.get("pattern")
    if not isinstance(regex, str) or not regex:
        raise SchemaRefused('A regex must be {"type": "regex", "pattern": …}.')
    if len(regex) > _LONGEST_PATTERN:
        raise SchemaRefused(f"The regular expression has more than {_LONGEST_PATTERN} characters.")
    if "\0" in regex or not _is_unicode(regex):
        raise SchemaRefused("The regular expression has characters that are not text.")
    if is_broken(regex):
        raise SchemaRefused("The regular expression is broken: a character repeats nothing.")
    found = _with_lead(pattern(regex), turn=turn)
    if reason := check(found):
        raise SchemaRefused(f"No grammar can enforce the regular expression: {reason}.")
    return found


def _choice(wanted: Mapping[str, Any], check: Check, *, turn: bool) -> str:
    choices = wanted.get("choices")
    usable = isinstance(choices, list) and 0 < len(choices) <= _MAX_CHOICES
    if not usable or not all(map(_is_choice, choices or ())):
        raise SchemaRefused(
            'A choice must be {"type": "choice", "choices": […]} with 1 to '
            f"{_MAX_CHOICES:,} texts."
        )
    found = _with_lead(" | ".join(map(literal, choices or ())), turn=turn)
    if reason := check(found):
        raise SchemaRefused(f"No grammar can enforce the choices: {reason}.")
    return found


def _with_lead(body: str, *, turn: bool) -> str:
    rules = (f"body: {body}", *((LEAD,) if turn else ()))
    return grammar("LEAD body" if turn else "body", *rules)


def _is_choice(value: Any) -> bool:
    return (
        isinstance(value, str) and value.strip() != "" and "\0" not in value and _is_unicode(value)
    )


def _is_unicode(text: str) -> bool:
    return not any("\ud800" <= letter <= "\udfff" for letter in text)


def _nesting(grammar: str) -> int:
    """Return the maximum nesting of parentheses."""
    deepest = depth = 0
    for letter in grammar:
        depth = max(0, depth + (letter == "(") - (letter == ")"))
        deepest = max(deepest, depth)
    return deepest
