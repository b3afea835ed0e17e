"""Grammars for constrained answers: JSON, a regular expression, a choice, or GBNF.

Forms are written like OpenAI's ``response_format``, which has additional types here.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from localqwq.reasoning.gbnf import GrammarTooLarge, Rules, literal
from localqwq.reasoning.json_grammar import json_grammar
from localqwq.reasoning.patterns import PatternRefused, full_match_rule
from localqwq.reasoning.schema_forms import SchemaRefused

_LEAD = r'"\n"{0,2}'
"""The blank lines that models are trained to leave after a thought; they are not reported."""
_MAX_GRAMMAR = 1 << 16
"""Maximum characters of a grammar in GBNF."""
_MAX_NESTING = 64
"""llama.cpp parses parentheses recursively, and ends the process if they are nested too deeply."""
_MAX_QUANTIFIERS = 200
"""Maximum number of ``?``, ``*``, ``+`` and ``{…}``: llama.cpp's time grows with their square."""
_MAX_CHOICES = 1000
_TERMINAL = re.compile(r'"(?:\\.|[^"\\])*"|\[(?:\\.|[^\]\\])*\]|#[^\n]*', re.DOTALL)
"""Texts, classes of characters and comments of a grammar."""
_QUANTIFIER = re.compile(r"[?*+]|\{\s*(\d+)\s*(?:,\s*(\d*)\s*)?\}")


def answer_grammar(wanted: Mapping[str, Any], *, turn: bool = True) -> str:
    """Return the grammar for an answer of this ``response_format``.

    ``turn``: whether it is a turn of a conversation, which the model may begin with blank lines.

    Raises:
        SchemaRefused: there is none.
    """
    own = _OWN_FORMS.get(wanted.get("type", ""))
    return json_grammar(wanted) if own is None else own(wanted, _LEAD if turn else "")


def _gbnf(wanted: Mapping[str, Any], _: str) -> str:
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


def _regex(wanted: Mapping[str, Any], lead: str) -> str:
    pattern = wanted.get("pattern")
    if not isinstance(pattern, str) or not pattern:
        raise SchemaRefused('A regex must be {"type": "regex", "pattern": …}.')
    rules = Rules()
    try:
        return rules.text(f"{lead} {full_match_rule(rules, pattern)}")
    except PatternRefused as error:
        raise SchemaRefused(f"No grammar can enforce the regular expression: {error}.") from error
    except GrammarTooLarge as error:
        raise SchemaRefused("The regular expression is too large.") from error


def _choice(wanted: Mapping[str, Any], lead: str) -> str:
    choices = wanted.get("choices")
    usable = isinstance(choices, list) and 0 < len(choices) <= _MAX_CHOICES
    if not usable or not all(map(_is_choice, choices or ())):
        raise SchemaRefused(
            'A choice must be {"type": "choice", "choices": […]} with 1 to '
            f"{_MAX_CHOICES:,} texts."
        )
    rules = Rules()
    try:
        any_of = rules.union(rules.add(literal(one)) for one in choices or ())
        return rules.text(f"{lead} {any_of}")
    except GrammarTooLarge as error:
        raise SchemaRefused("The choices are too long.") from error


_OWN_FORMS: Mapping[str, Callable[[Mapping[str, Any], str], str]] = {
    "grammar": _gbnf,
    "regex": _regex,
    "choice": _choice,
}


def _is_choice(value: Any) -> bool:
    return isinstance(value, str) and value.strip() != "" and "\0" not in value


def _is_unicode(text: str) -> bool:
    return not any("\ud800" <= letter <= "\udfff" for letter in text)


def _nesting(grammar: str) -> int:
    """Return the maximum nesting of parentheses."""
    deepest = depth = 0
    for letter in grammar:
        depth = max(0, depth + (letter == "(") - (letter == ")"))
        deepest = max(deepest, depth)
    return deepest
