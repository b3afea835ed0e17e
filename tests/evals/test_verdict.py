"""Which answers are right."""

from collections.abc import Iterator

import pytest

from localqwq.evals.problem import Kind, Problem
from localqwq.evals.verdict import judge
from localqwq.verdicts.boxed import last_boxed
from localqwq.verdicts.mathematics import Mathematics
from localqwq.verdicts.numerals import number
from tests.evals.answers import WHOLE_ANSWERS, final_answers

UNKNOWN_TO_MATH_VERIFY = {
    ("204", "204."),
    ("204", "２０４"),
    ("025", r"\boldsymbol{25}"),
    ("1234567", r"1\,234\,567"),
    ("1234567", "1 234 567"),
    ("90", "90°"),
    ("12", r"12~\text{m}"),
}
"""Right answers that ``math-verify`` takes for wrong, which is why numbers are compared here."""


@pytest.fixture(scope="module")
def mathematics() -> Iterator[Mathematics]:
    """The process that compares expressions."""
    with Mathematics() as found:
        yield found


def test_final_answers(mathematics: Mathematics) -> None:
    """Every form that a person takes for right is right, and no other one."""
    found = list(final_answers())
    assert len(found) >= 300
    wrong = []
    for expected, given, is_right in found:
        kind: Kind = "expression" if number(expected) is None else "integer"
        problem = Problem("1", "", expected, kind)
        verdict = judge(problem, rf"So it is \boxed{{{given}}}.", mathematics.same_value)
        if verdict.right != is_right:
            wrong.append((expected, given))
    assert wrong == []


def test_beside_math_verify(mathematics: Mathematics) -> None:
    """It agrees, but for some forms of numbers."""
    differing = {
        (expected, given)
        for expected, given, is_right in final_answers()
        if mathematics.same_value(expected, given) != is_right
    }
    assert differing == UNKNOWN_TO_MATH_VERIFY


@pytest.mark.parametrize(("answer", "kind", "expected", "is_right"), WHOLE_ANSWERS)
def test_whole_answers(answer: str, kind: Kind, expected: str, *, is_right: bool) -> None:
    """The final answer is found in the text."""

    def never(_: str, __: str) -> bool:
        raise AssertionError("numbers and letters need no algebra")

    assert judge(Problem("1", "", expected, kind), answer, never).right == is_right


@pytest.mark.parametrize(
    ("text", "inside"),
    [
        (r"\boxed{a{b}c}", "a{b}c"),
        (r"\boxed{\{1,2\}}", r"\{1,2\}"),
        (r"\boxed{1} \boxed{2}", "2"),
        (r"\boxed{1} \boxed{2", "1"),
        (r"\boxed{\boxed{3}}", "3"),
        ("no box", None),
        (r"\boxed 5", None),
    ],
)
def test_boxes(text: str, inside: str | None) -> None:
    """Braces are balanced, and a box that is not closed is none."""
    assert last_boxed(text) == inside


def test_an_expression_that_never_ends() -> None:
    """It is wrong after two seconds of the processor, and the next one is compared."""
    with Mathematics(seconds=2) as mathematics:
        assert not mathematics.same_value("2", "9^{9^{9^{9^{9}}}}")
        assert mathematics.same_value(r"\sqrt{4}", "2")
