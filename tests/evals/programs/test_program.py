"""Which outputs of programs are right."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localqwq.evals.programs.program import Cases, Outcome, checked_program, is_passed


@pytest.mark.parametrize(
    ("output", "right", "is_right"),
    [
        ("3\n", "3", True),
        ("  3 \n\n", "3\n", True),
        ("1 2\n3", "1 2 \n 3\n", True),
        ("0.50", "0.5", True),
        ("1e3", "1000", True),
        ("1.0 2.00", "1 2", True),
        ("Yes", "yes", False),
        ("12", "1 2", False),
        ("1\n2", "1 2", False),
        ("3\n4", "3", False),
        ("", "3", False),
        ("", "", True),
        ("0.5000001", "0.5", False),
        ("nan", "nan", True),
        ("nan", "0", False),
        ("a 1", "a 1.0", False),
    ],
)
def test_outputs(output: str, right: str, is_right: bool) -> None:
    """Line by line; spaces around them do not matter, and numbers have values."""
    assert Cases(["x"], [right]).verdicts([Outcome(0, output)]) == [is_right]


@pytest.mark.parametrize(
    ("output", "right", "is_right"),
    [
        ("[1, 2]", "[1,2]", True),
        ("2.0", "2", True),
        ('"a"', '"a"', True),
        ("null", "null", True),
        ("[2, 1]", "[1, 2]", False),
        ("", "null", False),
        ("[1", "[1]", False),
    ],
)
def test_results(output: str, right: str, is_right: bool) -> None:
    """What a function returns is compared as JSON."""
    assert Cases(["x"], [right], "f").verdicts([Outcome(0, output)]) == [is_right]


def test_failed_runs() -> None:
    """An exit code, too much time, or no run at all is wrong, whatever was written."""
    cases = Cases(["a", "b", "c", "d"], ["1", "1", "1", "1"])
    outcomes = [Outcome(0, "1"), Outcome(1, "1"), Outcome(None, "1")]
    assert cases.verdicts(outcomes) == [True, False, False, False]
    assert cases.verdicts([]) == [False] * 4


@given(st.lists(st.text(max_size=9), max_size=5))
def test_most(outputs: list[str]) -> None:
    """There is room for what is right, with other spaces and digits."""
    most = Cases(outputs, outputs).most()
    assert all(found > 2 * len(right.encode()) for found, right in zip(most, outputs, strict=True))


def test_a_program_for_a_function() -> None:
    """It calls the function with each line of the input, of the class or of the module."""
    cases = Cases(["1\n[2]"], ["3"], "add")
    for solution in (
        "class Solution:\n    def add(self, a: int, b: List[int]) -> int:\n        return a + b[0]",
        "def add(a, b): return a + b[0]",
    ):
        compile(cases.program(solution), "program", "exec")
        assert cases.program(solution).count(solution) == 1
    assert "Solution" not in Cases(["1"], ["1"]).program("print(1)")


def test_a_program_that_tests_itself() -> None:
    """Only its end counts, not an exit code of 0 before that."""
    program = checked_program(
        "x = 1", "def f(): return x", "def check(f): assert f() == 1", "f", "T"
    )
    exec(program, {"print": lambda word: None})
    assert program.endswith("print('T')\n")
    assert is_passed(Outcome(0, "said\nT\n"), "T")
    for outcome in (
        Outcome(0, ""),
        Outcome(0, "T said\n"),
        Outcome(1, "T\n"),
        Outcome(None, "T\n"),
    ):
        assert not is_passed(outcome, "T")
