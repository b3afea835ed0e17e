"""Patterns of JSON schemas as grammar rules, read back as regular expressions."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localqwq.reasoning.gbnf import Rules
from localqwq.reasoning.json_text import JsonText
from localqwq.reasoning.patterns import PatternRefused, full_match_rule, pattern_rule
from tests.reasoning.gbnf_regex import matcher

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
    "^$",
    "^()$",
]


def as_rule(pattern: str) -> re.Pattern[str]:
    """What the rule for the pattern takes, as JSON text."""
    rules = Rules()
    rule = pattern_rule(JsonText(rules), pattern)
    return matcher(rules.text(rule))


@given(
    st.sampled_from(PATTERNS),
    st.text(st.sampled_from('abcx12-"\\\n é!A]'), max_size=8) | st.text(max_size=3),
)
def test_the_same_texts_match(pattern: str, text: str) -> None:
    """As by Python's own, for texts that JSON writes without numbered escapes."""
    written = json.dumps(text, ensure_ascii=False)
    anchored = pattern.replace("$", r"\Z")
    expected = re.search(anchored.replace(".", r"[^\n\r\u2028\u2029]"), text, re.ASCII)
    if r"\u0" not in written and not any("\ud800" <= letter <= "\udfff" for letter in text):
        odd = re.search(r"[^\x00-\x7f]", text) and re.search(r"\\[sSwW]", pattern)
        assert bool(as_rule(pattern).fullmatch(written)) is bool(expected) or odd


@given(
    st.sampled_from([pattern.removeprefix("^").removesuffix("$") for pattern in PATTERNS]),
    st.text(st.sampled_from('abcx12-"\\\n é!A]'), max_size=8) | st.text(max_size=3),
)
def test_a_full_match(pattern: str, text: str) -> None:
    """Texts as they are, which match from their beginning to their end."""
    rules = Rules()
    rule = matcher(rules.text(full_match_rule(rules, pattern)))
    expected = re.fullmatch(pattern.replace(".", r"[^\n\r\u2028\u2029]"), text, re.ASCII)
    if "\0" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text):
        odd = re.search(r"[^\x00-\x7f]", text) and re.search(r"\\[sSwW]", pattern)
        # An anchor that belongs to one alternative only says nothing here.
        assert bool(rule.fullmatch(text)) is bool(expected) or odd


@pytest.mark.parametrize(
    "pattern",
    [
        "(?=a)",
        "(?<n>a)",
        r"(a)\1",
        r"\bword",
        r"\p{L}",
        "(a*)*",
        "(a?){3}",
        "a**",
        "*a",
        "[z-a]",
        "[",
        "(a",
        "a)",
        "(^a)",
        "a^b",
        "a{3,2}",
        "(a{100}){100}",
        "a{9999}",
        "^(.{1,30}){1,30}$",
        "|".join("abcdefgh" * 80),
        "(" * 50 + "a" + ")" * 50,
        "\\",
        r"\x4",
        "[^\\s\\S]",
        "a" * 2000,
    ],
)
def test_what_no_grammar_can_say(pattern: str) -> None:
    """Is refused, and so is what is broken or too large."""
    with pytest.raises(PatternRefused):
        as_rule(pattern)


@given(st.text(st.sampled_from(r"ab|()[]{}*+?^$.\d,-1:=<"), max_size=12) | st.text(max_size=12))
def test_any_pattern_is_a_rule_or_refused(pattern: str) -> None:
    """Nothing else comes out."""
    try:
        as_rule(pattern)
    except PatternRefused as refusal:
        assert str(refusal)
