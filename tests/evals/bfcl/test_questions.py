"""The leaderboard's problems, in a small archive and in the published one."""

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from localqwq.evals.bfcl.calls import Wanted, are_right, expected_calls
from localqwq.evals.bfcl.questions import CATEGORIES, questions
from localqwq.evals.published import Data
from localqwq.evals.suite import SUITES, problems_of, suites_of
from tests.evals.bfcl.made_calls import right_calls, wrong_calls
from tests.evals.bfcl.spelling import spelled_call
from tests.evals.published_files import folder_with

WEATHER: dict[str, Any] = {
    "name": "weather.now",
    "description": "The weather.",
    "parameters": {
        "type": "dict",
        "properties": {
            "place": {"type": "string", "description": "A city.", "format": "."},
            "at": {"type": "tuple", "items": {"type": "float"}},
            "more": {"type": "dict", "properties": {"type": {"type": "any", "default": "x"}}},
        },
        "required": ["place"],
    },
}
SIZES = {
    "simple": 400,
    "java": 100,
    "javascript": 50,
    "multiple": 200,
    "parallel": 200,
    "parallel_multiple": 200,
    "irrelevance": 240,
    "live_simple": 258,
    "live_multiple": 1053,
    "live_parallel": 16,
    "live_parallel_multiple": 24,
    "live_relevance": 16,
    "live_irrelevance": 884,
}

IMPOSSIBLE = {"live_simple_106-63-0", "live_simple_112-68-0", "live_multiple_964-207-0"}
"""Two have parameters without a right value, one asks for a parameter that does not exist."""


def _spelled(wanted: list[Wanted], calls: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Calls as they are made: of Java and JavaScript there is one in each problem."""
    return [spelled_call(wanted[0], call) for call in calls]


def archive(folder: Path, **files: list[Any]) -> Path:
    """A wheel with these files of data."""
    path = folder / "some.whl"
    with zipfile.ZipFile(path, "w") as found:
        for name, lines in files.items():
            text = "\n".join(map(json.dumps, lines))
            found.writestr(f"bfcl_eval/data/{name.replace('__', '/')}.json", text)
    return path


def test_a_question(tmp_path: Path) -> None:
    """The conversation, the tools in OpenAI's form, and what is expected."""
    system = {"role": "system", "content": "Be brief."}
    asked = {"role": "user", "content": "Is it warm in Rome?"}
    path = archive(
        tmp_path,
        BFCL_v4_simple_python=[{"id": "1", "question": [[system, asked]], "function": [WEATHER]}],
        possible_answer__BFCL_v4_simple_python=[
            {"id": "1", "ground_truth": [{"weather.now": {"place": ["Rome"], "at": ["", [1.5]]}}]}
        ],
    )
    (found,) = questions("simple", path)
    assert (found.id, found.prompt, found.before) == ("1", "Is it warm in Rome?", (system,))
    assert found.tools == (
        {
            "type": "function",
            "function": {
                "name": "weather_now",
                "description": "The weather.",
                "parameters": {
                    "type": "object",
                    "properties": {
                        "place": {"type": "string", "description": "A city."},
                        "at": {"type": "array", "items": {"type": "number"}},
                        "more": {
                            "type": "object",
                            "properties": {"type": {"type": "string", "default": "x"}},
                        },
                    },
                    "required": ["place"],
                },
            },
        },
    )
    wanted = expected_calls(found.expected)
    assert are_right(wanted, [{"name": "weather_now", "arguments": {"place": "rome"}}])
    assert not are_right(wanted, [{"name": "weather_now", "arguments": {"place": "Oslo"}}])


def test_whether_to_call(tmp_path: Path) -> None:
    """No function helps, or any is right."""
    entry = {"id": "1", "question": [[{"role": "user", "content": "?"}]], "function": [WEATHER]}
    path = archive(tmp_path, BFCL_v4_irrelevance=[entry], BFCL_v4_live_relevance=[entry])
    (none,), (some,) = questions("irrelevance", path), questions("live_relevance", path)
    assert expected_calls(none.expected) == []
    assert expected_calls(some.expected) is None


def test_all_of_them() -> None:
    """A word stands for all categories; each is there once."""
    assert [suite.name for suite in suites_of(["bfcl", "letters", "bfcl_simple"])] == [
        *(f"bfcl_{category}" for category in CATEGORIES),
        "letters",
    ]


@pytest.mark.parametrize("category", CATEGORIES)
def test_the_published_ones(category: str) -> None:
    """Their own answers are right, all but three; with one thing changed they are wrong."""
    file = SUITES[f"bfcl_{category}"].file
    assert file is not None
    folder = folder_with(file.name)
    found = problems_of(SUITES[f"bfcl_{category}"], Data(folder, folder), 1, None)
    assert len(found) == SIZES[category]
    assert len({problem.id for problem in found}) == SIZES[category]
    wrong, right = set[str](), set[str]()
    for problem in found:
        wanted = expected_calls(problem.expected)
        if not wanted:
            assert category.endswith("relevance")
            continue
        if not all(are_right(wanted, _spelled(wanted, calls)) for calls in right_calls(wanted)):
            wrong.add(problem.id)
        if any(are_right(wanted, _spelled(wanted, calls)) for calls in wrong_calls(wanted)):
            right.add(problem.id)
    assert wrong == {problem.id for problem in found} & IMPOSSIBLE
    assert right == set()
