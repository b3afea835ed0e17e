"""The order of samples, and the file that holds them."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localqwq.errors import LocalqwqError
from localqwq.evals.attempt import Attempt, Key, tasks
from localqwq.evals.journal import Journal
from localqwq.evals.problem import Problem

ABOUT = {"model": "m", "seed": 1}


def attempt(sample: int) -> Attempt:
    """What a right answer might be."""
    return Attempt(Key("s", "1", sample), "…\n42", "42", True, 5, 9, 1.5, "stop", "closed")


@given(
    sizes=st.dictionaries(st.text(max_size=2), st.tuples(st.integers(0, 5), st.integers(1, 4))),
    budgets=st.lists(st.integers(0, 9), min_size=1, max_size=3, unique=True),
)
def test_breadth_first(sizes: dict[str, tuple[int, int]], budgets: list[int]) -> None:
    """Every sample of every problem, and no second one of any before the first of all."""
    suites = {
        name: [Problem(str(place), "?", "!", "number") for place in range(count)]
        for name, (count, _) in sizes.items()
    }
    found = list(tasks(suites, {name: samples for name, (_, samples) in sizes.items()}, budgets))
    keys = [task.key for task in found]
    assert len(keys) == len(set(keys))
    assert len(keys) == sum(count * samples for count, samples in sizes.values()) * len(budgets)
    assert [key.sample for key in keys] == sorted(key.sample for key in keys)


def test_seeds() -> None:
    """One per sample, whatever the budget is, and the same in every run."""
    assert Key("aime24", "7", 3, 1024).seed == Key("aime24", "7", 3).seed == 1_453_673_225
    assert len({Key("aime24", "7", sample).seed for sample in range(64)}) == 64


def test_a_journal_is_resumed(tmp_path: Path) -> None:
    """A torn last line is cut off, and what comes next stands on a line of its own."""
    path = tmp_path / "runs" / "one.jsonl"
    journal = Journal(path, ABOUT)
    journal.add(attempt(0))
    journal.add(attempt(1))
    whole = path.read_bytes()
    for length in range(len(whole.splitlines(keepends=True)[0]), len(whole) + 1):
        path.write_bytes(whole[:length])
        journal = Journal(path, ABOUT)
        kept = whole[:length].count(b"\n") - 1
        assert journal.attempts == [attempt(place) for place in range(kept)]
        journal.add(attempt(9))
        assert [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        assert Journal(path, ABOUT).attempts[-1] == attempt(9)


def test_marks_in_a_journal(tmp_path: Path) -> None:
    """They come back, and a journal of an earlier version has none."""
    path = tmp_path / "one.jsonl"
    marked = replace(attempt(0), marks={"instructions": [True, False]})
    Journal(path, ABOUT).add(marked)
    assert Journal(path, ABOUT).attempts == [marked]
    first, line = path.read_text(encoding="utf-8").splitlines()
    earlier = {name: value for name, value in json.loads(line).items() if name != "marks"}
    path.write_text(f"{first}\n{json.dumps(earlier)}\n", encoding="utf-8")
    assert Journal(path, ABOUT).attempts == [attempt(0)]


def test_texts_that_are_no_unicode(tmp_path: Path) -> None:
    """Half of a pair, as some servers send it, is kept."""
    path = tmp_path / "one.jsonl"
    odd = replace(attempt(0), answer="\ud83d and \x85\u2028 lines\r")
    Journal(path, ABOUT).add(odd)
    assert Journal(path, ABOUT).attempts == [odd]


def test_a_journal_of_something_else(tmp_path: Path) -> None:
    """The sentence says what differs."""
    path = tmp_path / "one.jsonl"
    Journal(path, ABOUT)
    with pytest.raises(LocalqwqError, match="other values of seed"):
        Journal(path, {**ABOUT, "seed": 2})
    for text in ("hello\n", "{}\n", json.dumps(ABOUT) + '\n{"key": 1}\n'):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(LocalqwqError, match="not a journal"):
            Journal(path, ABOUT)
