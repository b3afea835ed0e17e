"""Problems that are drawn from a seed."""

import re
from itertools import islice
from pathlib import Path

import pytest

from localqwq.evals.published import Data
from localqwq.evals.suite import GROUPS, SUITES, problems_of
from models.demo.words import bucket, is_held_out_word

DRAWN = {
    name: suite.draw
    for name, suite in SUITES.items()
    if suite.draw is not None and name not in GROUPS["gym"]  # those have a test of their own
}


@pytest.mark.parametrize("name", sorted(DRAWN))
def test_a_seed_draws_the_same(name: str) -> None:
    """Distinct problems, others with another seed."""
    draw = DRAWN[name]
    first, again, other = (list(islice(draw(seed), 200)) for seed in (1, 1, 2))
    assert first == again
    assert len({problem.id for problem in first}) == 200
    assert {problem.id for problem in first} != {problem.id for problem in other}


def test_the_answers_are_right() -> None:
    """Computed again from the prompts."""
    for problem in islice(DRAWN["arithmetic"](3), 200):
        assert sum(map(int, re.findall(r"\d+", problem.prompt))) == int(problem.expected)
    for problem in islice(DRAWN["decimals"](3), 200):
        assert max(map(float, re.findall(r"[\d.]*\d", problem.prompt))) == float(problem.expected)
    for problem in islice(DRAWN["letters"](3), 200):
        letter, word = problem.id.split("|")
        assert word.count(letter) == int(problem.expected) > 0
        assert word in problem.prompt


def test_the_demo_has_never_seen_them() -> None:
    """They are on the side of its data that was held out."""
    for problem in islice(DRAWN["arithmetic"](4), 200):
        a, b = sorted(map(int, problem.id.split("+")))
        assert bucket(f"{a}+{b}", 10) == 0
    for problem in islice(DRAWN["decimals"](4), 200):
        assert bucket("|".join(sorted(problem.id.split("|"))), 10) == 0
    for problem in islice(DRAWN["letters"](4), 200):
        assert is_held_out_word(problem.id.split("|")[1])


@pytest.mark.parametrize("name", sorted(DRAWN))
def test_without_a_limit(name: str, tmp_path: Path) -> None:
    """As with --minutes: far fewer than there are, so that drawing them ends soon."""
    found = problems_of(SUITES[name], Data(tmp_path), 1, None)
    assert len({problem.id for problem in found}) == len(found) == 5_000


def test_a_limit(tmp_path: Path) -> None:
    """It is the number of problems."""
    assert len(problems_of(SUITES["letters"], Data(tmp_path), 1, 7)) == 7
