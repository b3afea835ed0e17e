"""Forms of answers beside JSON, as grammars."""

from typing import Any

import pytest

from localqwq.reasoning.answer_forms import answer_grammar
from localqwq.reasoning.json_grammar import SchemaRefused
from tests.reasoning.gbnf_regex import matcher


@pytest.mark.parametrize(
    ("wanted", "yes", "no"),
    [
        ({"type": "choice", "choices": ["yes", "no"]}, ["yes", "\n\nno"], ["maybe", "yes.", ""]),
        ({"type": "choice", "choices": ['a "b"', "c\\d\n"]}, ['a "b"', "c\\d\n"], ["a b"]),
        ({"type": "regex", "pattern": r"\d{3}-\d{4}"}, ["555-1234"], ["555-12345", "x555-1234"]),
        ({"type": "regex", "pattern": "^(a|b)+$"}, ["abba"], ["abc"]),
        ({"type": "regex", "pattern": "a|bc"}, ["a", "bc"], ["abc", "ab"]),
    ],
)
def test_what_is_taken(wanted: dict[str, Any], yes: list[str], no: list[str]) -> None:
    """The whole text, with the blank lines that follow a thought."""
    pattern = matcher(answer_grammar(wanted))
    assert all(map(pattern.fullmatch, yes))
    assert not any(map(pattern.fullmatch, no))


def test_a_grammar_of_ones_own() -> None:
    """Is taken as it is."""
    for text in ('root ::= "a" | "b"', 'root ::= "{3,1}" [(((]{2,3} # ' + "(" * 100):
        assert answer_grammar({"type": "grammar", "grammar": text}) == text


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        ({"type": "choice", "choices": []}, "1 to 1,000"),
        ({"type": "choice", "choices": ["a", " "]}, "texts"),
        ({"type": "choice", "choices": "ab"}, "texts"),
        ({"type": "choice", "choices": ["a\0"]}, "texts"),
        ({"type": "regex", "pattern": "(?=a)"}, "look-around"),
        ({"type": "regex", "pattern": ["a"]}, "pattern"),
        ({"type": "grammar"}, "root ::="),
        ({"type": "grammar", "grammar": " "}, "root ::="),
        ({"type": "grammar", "grammar": "root ::= " + "(" * 100 + '"a"'}, "parentheses"),
        ({"type": "grammar", "grammar": "#" * 70_000}, "characters"),
        ({"type": "grammar", "grammar": 'root ::= "\0"'}, "not text"),
        ({"type": "grammar", "grammar": 'root ::= "\ud800"'}, "not text"),
        ({"type": "grammar", "grammar": 'root ::= "a"{3,1}'}, "1} ends before"),
        ({"type": "grammar", "grammar": "root ::= " + '"a"? ' * 201}, "repetitions"),
        ({"type": "yaml"}, "regex"),
    ],
)
def test_what_is_refused(wanted: dict[str, Any], says: str) -> None:
    """With a sentence."""
    with pytest.raises(SchemaRefused, match=says):
        answer_grammar(wanted)
