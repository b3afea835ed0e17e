"""Final answers in LiveBench's forms."""

import pytest

from localqwq.evals.livebench.parts import judge_parts


@pytest.mark.parametrize(
    ("task", "truth", "answer", "parts"),
    [
        # A letter, which is to be repeated five times.
        ("math_comp", "B", "So the answer is BBBBB.", [True]),
        ("math_comp", "B", "AAAAA? No: BBBBB", [True]),
        ("math_comp", "B", "BBBBB? No: AAAAA", [False]),
        ("math_comp", "B", "<solution>B</solution>", [True]),
        ("math_comp", "B", "<solution>bbbbb</solution>", [True]),
        ("math_comp", "B", r"It is \boxed{\textbf{(B)}}", [True]),
        ("math_comp", "B", r"It is \boxed{C}", [False]),
        ("math_comp", "B", "It is B.", [False]),
        ("math_comp", "B", "", [False]),
        # A number of three digits.
        ("math_comp", "080", "The remainder is 080.", [True]),
        ("math_comp", "080", "<solution>80</solution>", [True]),
        ("math_comp", "080", r"\boxed{80}, as 7 is prime", [True]),
        ("math_comp", "080", "80 or 81", [False]),
        # Words in a certain order.
        ("web_of_lies_v2", "yes, no, yes", "So **yes, no, yes**.", [True, True, True]),
        ("web_of_lies_v2", "yes, no, yes", "**Yes**, **no**, **no**", [True, True, False]),
        ("web_of_lies_v2", "yes, no, yes", "Hence:\nyes, no, yes", [True, True, True]),
        ("web_of_lies_v3", "yes,unknown,no", r"\boxed{\text{yes, unknown, no}}", [True] * 3),
        ("web_of_lies_v3", "yes,no", "<solution>yes</solution>", [True, False]),
        ("web_of_lies_v3", "yes,no", "I cannot tell.", [False, False]),
        (
            "zebra_puzzle",
            "4, chess, hip-hop",
            "<solution>\nposition 4, Chess, hip hop\n</solution>",
            [True] * 3,
        ),
        ("zebra_puzzle", "4, chess", "<solution>four, checkers</solution>", [True, False]),
        ("zebra_puzzle", "chess", "***chess***", [True]),
        # What is bold.
        ("spatial", "5", "There are **5** pieces, that is **five**, says **Ann**.", [True]),
        ("spatial", "5", "**5** **4** **3** **2**", [False]),
        ("spatial", "triangle", "an **equilateral triangle**", [True]),
        ("spatial", "triangle", "**circle square triangle**", [False]),
        ("spatial", "triangle", "a triangle", [False]),
        # Numbers of formulas.
        ("olympiad", "3,1,2", "…\n**Answer:** 3,1,2", [True] * 3),
        ("olympiad", "3,1,2", "Answer: 1, 2, 3\nNo. Answer: 3, 1, 4", [True, True, False]),
        ("olympiad", "3,1,2", r"\boxed{3,1,2}", [True] * 3),
        ("olympiad", "3,1,2", "3, 1, 2", [True] * 3),
        ("olympiad", "3,1,2", "none", [False] * 3),
        # All of the answer.
        ("cta", "Postal Code", "postal code.", [True]),
        ("cta", "Postal Code", "<solution>PostalCode</solution>", [True]),
        ("cta", "Postal Code", "It is the postal code.", [False]),
        ("cta", "Postal Code", "", [False]),
    ],
)
def test_forms(task: str, truth: str, answer: str, parts: list[bool]) -> None:
    """Each part is right or wrong in its place; the whole is right if all are."""
    found = judge_parts(task, truth, answer)
    assert found.parts == parts
    assert found.right == all(parts)


def test_more_than_is_asked_for() -> None:
    """The parts are there, but it is another answer."""
    found = judge_parts("zebra_puzzle", "1,2", "<solution>1,2,3</solution>")
    assert (found.parts, found.right) == ([True, True], False)


@pytest.mark.parametrize("task", ["math_comp", "spatial", "zebra_puzzle", "web_of_lies_v3"])
def test_no_answer(task: str) -> None:
    """None is given."""
    assert judge_parts(task, "B", "I do not know.").given is None
