"""LiveBench's files of questions: what is asked, and what is left out."""

import json
from pathlib import Path
from typing import Any

import pytest

from localqwq.errors import LocalqwqError
from localqwq.evals.problem import Problem
from localqwq.evals.published import Data
from localqwq.evals.suite import problems_of, suites_of
from localqwq.evals.verdict import judge


def question(category: str, task: str, name: str, **values: Any) -> dict[str, Any]:
    """A question as the authors store one."""
    row = {"question_id": name, "category": category, "task": task, "turns": [f"Ask {name}"]}
    return row | {"livebench_release_date": "2024-11-25"} | values


ROWS = [
    question("math", "math_comp", "a", ground_truth="B"),
    question("math", "AMPS_Hard", "b", ground_truth=["0", r"\frac{x}{2}"]),
    question("math", "olympiad", "c", ground_truth="2,1"),
    question("reasoning", "zebra_puzzle", "d", ground_truth="4, chess"),
    question("reasoning", "spatial", "e", ground_truth="5", livebench_removal_date="2025-04-02"),
    question(
        "instruction_following",
        "story_generation",
        "f",
        instruction_id_list=["punctuation:no_comma", "detectable_format:number_bullet_lists"],
        kwargs=[{"num_bullets": None}, {"num_bullets": 1, "keyword": None}],
    ),
    question(
        "instruction_following",
        "paraphrase",
        "g",
        instruction_id_list=["copy:repeat_phrase"],
        kwargs=[{}],
    ),
    question("language", "typos", "h", ground_truth="So it is."),
    question("data_analysis", "tablejoin", "i", ground_truth={"a": "b"}),
]


def found_in(folder: Path, said: list[str] | None = None) -> list[Problem]:
    """The problems of a folder."""
    (suite,) = suites_of(["livebench"])
    data = Data(folder, folder, say=(said if said is not None else []).append)
    return problems_of(suite, data, 1, None)


def written(folder: Path, rows: list[dict[str, Any]]) -> Path:
    """Questions in the folders that the authors' program makes."""
    for row in rows:
        place = folder / "live_bench" / row["category"] / row["task"]
        place.mkdir(parents=True, exist_ok=True)
        with (place / "question.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
    return folder


def never(_: str, __: str) -> bool:
    """Nothing is to be computed."""
    raise AssertionError


def test_what_is_asked(tmp_path: Path) -> None:
    """What can be judged, and what is left out is said; it is never called LiveBench alone."""
    said: list[str] = []
    found = found_in(written(tmp_path, ROWS), said)
    assert [(problem.id, problem.kind) for problem in found] == [
        ("story_generation/f", "instructions"),
        ("AMPS_Hard/b", "expression"),
        ("math_comp/a", "parts"),
        ("olympiad/c", "parts"),
        ("zebra_puzzle/d", "parts"),
    ]
    assert found[1].expected == r"\frac{x}{2}"
    assert {problem.prompt for problem in found} == {f"Ask {name}" for name in "abcdf"}
    (sentence,) = said
    assert sentence.endswith(": 1 of paraphrase, 1 of tablejoin, 1 of typos.")
    assert [suite.name for suite in suites_of(["livebench"])] == ["livebench_unverified"]


def test_verdicts(tmp_path: Path) -> None:
    """Parts are marked by task; instructions as in IFEval."""
    story, amps, letter, order, zebra = found_in(written(tmp_path, ROWS))
    assert judge(story, "* so\n", never).right
    assert not judge(story, "* so, and\n", never).right
    assert judge(amps, r"\boxed{x/2}", lambda one, other: (one, other) == (r"\frac{x}{2}", "x/2"))
    assert judge(letter, "BBBBB", never).marks == {"parts of math_comp": [True]}
    half = judge(order, "Answer: 2,3", never)
    assert (half.right, half.given, half.marks) == (
        False,
        "2,3",
        {"parts of olympiad": [True, False]},
    )
    assert judge(zebra, "<solution>4, chess</solution>", never).right


@pytest.mark.parametrize(
    "line", ["hello", "[]", '{"question_id": "a"}', json.dumps(ROWS[0] | {"turns": ["a", "b"]})]
)
def test_what_is_no_question(tmp_path: Path, line: str) -> None:
    """The sentence names the line."""
    (tmp_path / "question.jsonl").write_text(json.dumps(ROWS[0]) + f"\n{line}\n")
    with pytest.raises(LocalqwqError, match=r"question\.jsonl, line 2: not a question"):
        found_in(tmp_path)


def test_no_questions(tmp_path: Path) -> None:
    """The sentence says where they come from."""
    for rows in ([], ROWS[-1:]):
        with pytest.raises(LocalqwqError, match=r"download_questions\.py of github"):
            found_in(written(tmp_path, rows))
    (suite,) = suites_of(["livebench"])
    with pytest.raises(LocalqwqError, match=r"never fetched.*--data"):
        problems_of(suite, Data(tmp_path, fetch=True), 1, None)
