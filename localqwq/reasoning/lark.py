"""Grammars in Lark's notation, as llguidance reads them."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

Check = Callable[[str], str]
"""Says why a grammar cannot be used; empty if it can."""

_OPTIONS = {
    # None, a space, or a new line with its indent: any more would go on without end.
    "whitespace_pattern": r" |\n[ \t]{0,20}",
    "json_allow_general_unicode_escapes": True,
}
_IN_SLASHES = {"/": r"\/", "\n": r"\n", r"\d": "[0-9]", r"\D": "[^0-9]"}
"""What is written differently in a pattern; digits are those of ASCII."""
_ATOM = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]", re.DOTALL)
"""An escape or a class of characters."""
_NOTES = frozenset({"x-guidance", "$schema"})


class SchemaRefused(ValueError):
    """A form that no grammar can be made of; the message is one sentence."""


def grammar(start: str, *rules: str) -> str:
    """Return a whole grammar from its first rule's body and its other rules.

    The model decides how it divides the text into tokens.
    """
    return "\n".join(('%llguidance {"no_forcing": true}', f"start: {start}", *rules, ""))


def literal(text: str) -> str:
    """Return an expression for exactly this text, which must not be empty."""
    return json.dumps(text, ensure_ascii=False)


def pattern(regex: str) -> str:
    """Return an expression for the texts that match a regular expression as a whole.

    Anchors around it or around its alternatives say nothing then.
    """
    inside = "|".join(map(_without_anchors, _alternatives(regex))) or "()"
    written = re.sub(r"\\.|/|\n", lambda found: _IN_SLASHES.get(found[0], found[0]), inside)
    return f"/{written}/"


def is_broken(regex: str) -> bool:
    """Return whether it is no regular expression, which llguidance does not always notice."""
    rest = _ATOM.sub("x", regex)
    return rest.endswith("\\") or re.search(r"[*+?}][*+]", rest) is not None


def json_value(schema: Any) -> str:
    """Return an expression for the JSON values of a schema, which :class:`SchemaRewriter` made.

    Raises ``ValueError`` for numbers that JSON cannot express.
    """
    members = {} if schema is True else {k: v for k, v in schema.items() if k not in _NOTES}
    return "%json " + json.dumps({**members, "x-guidance": _OPTIONS}, allow_nan=False)


def json_literal(value: Any) -> str:
    """Return the value as JSON text; raises ``ValueError`` for numbers that JSON cannot express.

    Half a surrogate pair is escaped, since it cannot be encoded.
    """
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    if text.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in text):
        return text
    return json.dumps(value)


def _alternatives(regex: str) -> Iterator[str]:
    """Yield the alternatives of a regular expression that are in no group."""
    start = depth = 0
    for found in re.finditer(rf"{_ATOM.pattern}|[()|]", regex, re.DOTALL):
        depth += (found[0] == "(") - (found[0] == ")")
        if found[0] == "|" and depth == 0:
            yield regex[start : found.start()]
            start = found.end()
    yield regex[start:]


def _without_anchors(regex: str) -> str:
    escaped = re.search(r"(?<!\\)(?:\\\\)*\\\$$", regex)
    return regex.removeprefix("^") if escaped else regex.removeprefix("^").removesuffix("$")
