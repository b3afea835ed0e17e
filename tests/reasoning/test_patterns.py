"""Patterns of JSON schemas as grammar rules, read back as regular expressions."""

import json
import re
from collections.abc import Callable
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localqwq.reasoning.answer_forms import answer_form
from localqwq.reasoning.grammar_check import problem
from localqwq.reasoning.json_grammar import schema_value
from localqwq.reasoning.lark import SchemaRefused, grammar
from tests.reasoning.lark_reader import reader

PATTERNS = [
    "^abc$",
    "abc",
    "^a|b$",
    "^(a|bc)+$",
    r"^\d{4}-\d{2}$",
    "^[a-c]{2,3}x?$",
    '^"[^"]*"$',
    r"^\\?[\]\-a]+$",
    "^.$",
    r"^\s\S\w\W\D$",
    r"^[^a-z\d]$",
    r"^\u00e9\x41\n$",
    "^(?:ab?)*?c$",
    "^(?P<n>a)$",
    "^(a*)*b$",
    "(a?){3}",
    "(^a)",
    "^(a{100}){0,100}$",
    "^(.{1,30}){1,30}$",
    "^" + "(" * 50 + "a" + ")" * 50 + "$",
    "|".join("abcdefgh" * 80),
    "^$",
    "^()$",
]


@cache
def takes(pattern: str) -> Callable[[str], bool]:
    """What the grammar of the pattern takes, as JSON text."""
    schema = {"type": "string", "pattern": pattern}
    return reader(grammar("value", f"value: {schema_value(schema, problem, strict=True)}"))


@cache
def takes_all(pattern: str) -> Callable[[str], bool]:
    """What an answer by the regular expression is."""
    return reader(answer_form({"type": "regex", "pattern": pattern}, problem, turn=False))


@given(
    st.sampled_from(PATTERNS),
    st.text(st.sampled_from('abcx12-"\\\n é!A]'), max_size=8) | st.text(max_size=3),
)
def test_the_same_texts_match(pattern: str, text: str) -> None:
    """As by Python's own, for texts that JSON writes without numbered escapes."""
    written = json.dumps(text, ensure_ascii=False)
    anchored = pattern.replace("$", r"\Z")
    expected = re.search(anchored.replace(".", r"[^\n]"), text, re.ASCII)
    if r"\u0" not in written and not any("\ud800" <= letter <= "\udfff" for letter in text):
        odd = re.search(r"[^\x00-\x7f]", text) and re.search(r"\\[sSwW]", pattern)
        assert takes(pattern)(written) is bool(expected) or odd


@given(
    st.sampled_from(
        [bare for one in PATTERNS if (bare := one.removeprefix("^").removesuffix("$"))]
    ),
    st.text(st.sampled_from('abcx12-"\\\n é!A]'), max_size=8) | st.text(max_size=3),
)
def test_a_full_match(pattern: str, text: str) -> None:
    """Texts as they are, which match from their beginning to their end."""
    expected = re.fullmatch(pattern.replace(".", r"[^\n]"), text, re.ASCII)
    if "\0" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text):
        odd = re.search(r"[^\x00-\x7f]", text) and re.search(r"\\[sSwW]", pattern)
        # An anchor that belongs to one alternative only says nothing here.
        assert takes_all(pattern)(text) is bool(expected) or odd


@pytest.mark.parametrize(
    "pattern",
    [
        "(?=a)",
        r"(a)\1",
        r"\bword",
        "a**",
        "*a",
        "[z-a]",
        "[",
        "(a",
        "a)",
        "a^b",
        "a{3,2}",
        "\\",
        "a*+",
        r"\x4",
        "[^\\s\\S]",
    ],
)
def test_what_no_grammar_can_say(pattern: str) -> None:
    """Is refused, and so is what is broken or too large."""
    with pytest.raises(SchemaRefused):
        takes(pattern)


@given(st.text(st.sampled_from(r"ab|()[]{}*+?^$.\d,-1:=<"), max_size=12) | st.text(max_size=12))
def test_any_pattern_is_a_rule_or_refused(pattern: str) -> None:
    """Nothing else comes out."""
    try:
        takes(pattern)
    except SchemaRefused as refusal:
        assert "\n" not in str(refusal)
