"""The calculator: exact, and bounded."""

import json
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localqwq.agent.stop import Stop
from localqwq.agent.tool import ToolFailed
from localqwq.agent.tools.calculator import TOOL, calculator, value_of
from localqwq.locations import demo_checkpoint

NUMBERS = st.one_of(
    st.integers(0, 10**30).map(str),
    st.decimals(0, 10**6, places=3, allow_nan=False).map(lambda value: f"{value:f}"),
)
EXPRESSIONS = st.recursive(
    NUMBERS,
    lambda inner: st.tuples(inner, st.sampled_from("+-*/"), inner).map(
        lambda parts: f"({parts[0]} {parts[1]} {parts[2]})"
    ),
    max_leaves=8,
)


def exact(text: str) -> Fraction:
    """The value, by Python's own evaluation of fractions."""
    pieces = text.replace("(", " ( ").replace(")", " ) ").split()
    quoted = [piece if piece in "()+-*/" else f"Fraction('{piece}')" for piece in pieces]
    return Fraction(eval(" ".join(quoted), {"Fraction": Fraction}))


@given(EXPRESSIONS)
def test_values_are_exact(text: str) -> None:
    """As fractions; a division by zero is said."""
    try:
        expected = exact(text)
    except ZeroDivisionError:
        with pytest.raises(ToolFailed, match="zero"):
            value_of(text)
        return
    assert value_of(text) == expected


@given(st.text(max_size=60))
def test_any_text_gives_a_number_or_a_sentence(text: str) -> None:
    """Never another error."""
    try:
        assert calculator(text)
    except ToolFailed as failure:
        assert str(failure).endswith(".")


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("47 * 86", "4042"),
        ("0.1 + 0.2", "0.3"),
        ("3 × 4 ÷ 8", "1.5"),
        ("2^10", "1024"),
        ("1/3", "0.333333333333333333333333333333…"),
        ("-7 // 2", "-4"),
        ("sqrt(2.25)", "1.5"),
        ("round(2.567, 2)", "2.57"),
        ("cos(0)", "1"),
    ],
)
def test_notation(expression: str, value: str) -> None:
    """What people and models write."""
    assert calculator(expression) == value


@pytest.mark.parametrize(
    "expression",
    [
        "9**9**9",
        "10**4300 * 10",
        "factorial(100000)",
        "1" * 2001,
        "(" * 1000 + ")" * 1000,
        "__import__('os').system('true')",
        "().__class__",
        "[1 for _ in range(10**9)]",
        "'a' * 10**9",
        "exp(10**4)",
        "1e999",
    ],
)
def test_what_is_no_arithmetic_or_too_much(expression: str) -> None:
    """Refused at once."""
    with pytest.raises(ToolFailed):
        calculator(expression)


def test_it_is_the_demos_own() -> None:
    """Word for word, since the demo knows it so."""
    told = json.loads((demo_checkpoint() / "calculator.json").read_text("utf-8"))
    assert json.dumps(TOOL.definition()) == json.dumps(told)
    assert TOOL.run(TOOL.check({"expression": "12 * 34"}), Stop()) == "408"
