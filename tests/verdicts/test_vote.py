"""Answers that agree, however they are written, and when a vote is decided."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localqwq.verdicts.vote import Vote, final_result


@pytest.mark.parametrize(
    ("answer", "result"),
    [
        (r"So \boxed{42}.", "42"),
        ("12 + 30 = 42.", "42"),
        ("It is **42**", "42"),
        ('{"answer": "C"}', "C"),
        ("9.9 is larger than 9.11.", "9.11"),
        ("Paris.", "Paris."),
        ("42 is the answer", "42 is the answer"),
        ("", ""),
    ],
)
def test_results(answer: str, result: str) -> None:
    """The box, the choice, the number at the end, or the text."""
    assert final_result(answer) == result


def test_equal_answers() -> None:
    """Numbers by value, texts without case and what is around them, expressions by a rule."""
    vote = Vote(9, lambda one, other: {one, other} == {r"\sqrt{4}", "2x"})
    for answer in ("= 0.5", r"\boxed{\frac{1}{2}}", r"\boxed{\sqrt{4}}", "Paris", r"\boxed{2x}"):
        vote.add(answer)
    vote.add(" paris. ")
    assert [group.answers for group in vote.groups] == [[0, 1], [2, 4], [3, 5]]


@given(st.lists(st.integers(1, 3), min_size=1, max_size=9))
def test_a_decided_vote_stays(answers: list[int]) -> None:
    """Whatever comes after it, the winner is the same; and the last answer decides unless tied."""
    vote = Vote(len(answers))
    decided: str | None = None
    for answer in answers:
        vote.add(str(answer))
        if decided is None and vote.is_decided:
            decided = vote.groups[0].result
        if decided is not None:
            assert vote.groups[0].result == decided
            assert vote.is_decided
    most, second = ([len(group.answers) for group in vote.groups] + [0])[:2]
    assert (decided is not None) == (most > second)
    assert sum(len(group.answers) for group in vote.groups) == len(answers)
