"""The 541 prompts that QwQ's makers publish, with answers that are made for them."""

from collections import Counter
from pathlib import Path

import pytest

from localqwq.evals.ifeval.compliance import Instruction, compliance, instructions_of, written
from localqwq.evals.ifeval.prompts import prompts
from localqwq.evals.ifeval.rules import RULES
from localqwq.evals.problem import Problem
from localqwq.evals.published import Data
from localqwq.evals.suite import SUITES, problems_of
from localqwq.evals.verdict import judge
from tests.evals.ifeval.made_answers import breaking, following
from tests.evals.published_files import folder_with

CONTRADICTORY = {"116", "454", "456", "524", "529"}
"""Prompts that forbid a word or commas, and want to be repeated with just these."""


@pytest.fixture(scope="module")
def published() -> list[Problem]:
    """All of them."""
    folder = folder_with("ifeval.jsonl")
    return problems_of(SUITES["ifeval"], Data(folder, folder), 1, None)


def never(_: str, __: str) -> bool:
    """There are no expressions here."""
    raise AssertionError


def test_what_they_ask_for(published: list[Problem]) -> None:
    """All kinds occur, and nothing else."""
    kinds = Counter(
        found.kind for problem in published for found in instructions_of(problem.expected)
    )
    assert (len(published), sum(kinds.values())) == (541, 834)
    assert kinds.keys() == RULES.keys()
    assert (kinds["punctuation:no_comma"], kinds["detectable_format:constrained_response"]) == (
        66,
        10,
    )


def test_answers_that_follow_everything(published: list[Problem]) -> None:
    """They are right, and loosely so with an introduction and an end that break something."""
    wrong, loosely_wrong = set(), set()
    for problem in published:
        answer = following(instructions_of(problem.expected))
        if not judge(problem, answer, never).right:
            wrong.add(problem.id)
        around = judge(problem, f"Of course, here you are:\n{answer}\nBye, bye!", never)
        if around.marks["prompts, loose"] != [True]:
            loosely_wrong.add(problem.id)
    assert wrong == CONTRADICTORY
    assert loosely_wrong == CONTRADICTORY


def test_answers_that_break_one(published: list[Problem]) -> None:
    """That instruction is not followed, strictly or loosely, and the prompt is not either."""
    missed = []
    for problem in published:
        instructions = instructions_of(problem.expected)
        for place, instruction in enumerate(instructions):
            verdict = judge(problem, breaking(instruction), never)
            strict = verdict.marks["instructions, strict"][place]
            loose = verdict.marks["instructions, loose"][place]
            if strict or loose or verdict.right or verdict.marks["prompts, loose"] != [False]:
                missed.append((problem.id, instruction.kind))
    assert missed == []


def test_a_file(tmp_path: Path) -> None:
    """Separators of lines inside a prompt are part of it."""
    path = tmp_path / "some.jsonl"
    path.write_text(
        '{"prompt": "Say it\u2028 now.", "instruction_id_list": ["punctuation:no_comma"], '
        '"kwargs": [{}]}\n',
        encoding="utf-8",
    )
    (found,) = prompts(path)
    assert found == Problem(
        "1",
        "Say it\u2028 now.",
        written([Instruction("punctuation:no_comma", {})]),
        "instructions",
    )
    assert compliance(instructions_of(found.expected), "So.").strict == [True]
