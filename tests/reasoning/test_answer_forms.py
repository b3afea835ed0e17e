"""Forms of answers beside JSON, as grammars."""

from typing import Any

import pytest

from localqwq.reasoning.answer_forms import Form, answer_form
from localqwq.reasoning.grammar_check import problem
from localqwq.reasoning.lark import SchemaRefused
from tests.reasoning.lark_reader import reader


@pytest.mark.parametrize(
    ("wanted", "yes", "no"),
    [
        ({"type": "choice", "choices": ["yes", "no"]}, ["yes", "\n\nno"], ["maybe", "yes.", ""]),
        ({"type": "choice", "choices": ['a "b"', "c\\d\n"]}, ['a "b"', "c\\d\n"], ["a b"]),
        ({"type": "regex", "pattern": r"\d{3}-\d{4}"}, ["555-1234"], ["555-12345", "x555-1234"]),
        ({"type": "regex", "pattern": "^(a|b)+$"}, ["abba"], ["abc"]),
        ({"type": "regex", "pattern": "a|bc"}, ["a", "bc"], ["abc", "ab"]),
        ({"type": "regex", "pattern": "^yes$|^no$"}, ["yes", "no"], ["yesno", "^yes"]),
        ({"type": "regex", "pattern": r"a/b|c\/\$"}, ["a/b", "c/$"], ["a\\/b", "c/"]),
        ({"type": "regex", "pattern": "[a|(]/ | /x"}, ["|/ ", " /x"], ["a/ | /x"]),
        ({"type": "regex", "pattern": "a\nb"}, ["a\nb"], ["a b"]),
    ],
)
def test_what_is_taken(wanted: dict[str, Any], yes: list[str], no: list[str]) -> None:
    """The whole text, with the blank lines that follow a thought."""
    takes = reader(answer_form(wanted, problem))
    assert all(map(takes, yes))
    assert not any(map(takes, no))


def test_a_raw_completion_begins_at_once() -> None:
    """There is no thought that blank lines could follow."""
    takes = reader(answer_form({"type": "choice", "choices": ["a"]}, problem, turn=False))
    assert takes("a")
    assert not takes("\na")


def test_a_grammar_of_ones_own() -> None:
    """Is taken as it is."""
    for text in ('root ::= "a" | "b"', 'root ::= "{3,1}" [(((]{2,3} # ' + "(" * 100):
        wanted = {"type": "grammar", "grammar": text}
        assert answer_form(wanted, problem) == Form(text, "gbnf")


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        ({"type": "choice", "choices": []}, "1 to 1,000"),
        ({"type": "choice", "choices": ["a", " "]}, "texts"),
        ({"type": "choice", "choices": "ab"}, "texts"),
        ({"type": "choice", "choices": ["a\0"]}, "texts"),
        ({"type": "regex", "pattern": "(?=a)"}, "look-around"),
        ({"type": "regex", "pattern": ["a"]}, "pattern"),
        ({"type": "regex", "pattern": "a\0"}, "not text"),
        ({"type": "regex", "pattern": "(a"}, "unclosed"),
        ({"type": "regex", "pattern": "a" * 20_000}, "characters"),
        ({"type": "choice", "choices": ["\ud800"]}, "texts"),
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
        answer_form(wanted, problem)
