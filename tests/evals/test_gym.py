"""Tasks of reasoning-gym: answers are numbers; a sentence where the package is missing."""

import importlib.util
from itertools import islice

import pytest

from localqwq.errors import LocalqwqError
from localqwq.evals import gym
from localqwq.evals.suite import GROUPS, suites_of
from localqwq.evals.verdict import judge
from localqwq.verdicts.numerals import number

IS_HERE = importlib.util.find_spec("reasoning_gym") is not None


def test_the_word_for_all_of_them() -> None:
    """Each task is a suite, and one of them can be named."""
    assert [suite.name for suite in suites_of(["gym"])] == GROUPS["gym"]
    assert suites_of(["gym_gcd", "gym"])[0].name == "gym_gcd"


@pytest.mark.skipif(IS_HERE, reason="reasoning-gym is installed")
def test_without_it() -> None:
    """One sentence that says how to get it."""
    with pytest.raises(LocalqwqError, match=r"pip install 'localqwq\[gym\]'"):
        next(gym.draw("gcd", 1))


@pytest.mark.skipif(not IS_HERE, reason="reasoning-gym is not installed")
@pytest.mark.parametrize("task", gym.TASKS)
def test_its_problems(task: str) -> None:
    """The same from a seed, with answers that are numbers and are right when they are given."""
    found = list(islice(gym.draw(task, 7), 30))
    assert found == list(islice(gym.draw(task, 7), 30))
    assert found != list(islice(gym.draw(task, 8), 30))
    for problem in found:
        assert number(problem.expected) is not None
        answer = rf"So: \boxed{{{problem.expected}}}"
        assert judge(problem, answer, lambda one, other: one == other).right
