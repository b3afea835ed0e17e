"""LiveBench's questions, in the files that its authors' program writes."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from localqwq.errors import LocalqwqError
from localqwq.evals.ifeval import language
from localqwq.evals.ifeval.compliance import Instruction, written
from localqwq.evals.ifeval.rules import RULES
from localqwq.evals.problem import Problem
from localqwq.evals.published import Data

TASKS = (
    "AMPS_Hard",
    "cta",
    "math_comp",
    "olympiad",
    "spatial",
    "web_of_lies_v2",
    "web_of_lies_v3",
    "zebra_puzzle",
)
"""Judged by their right answers; those of instruction following by their instructions."""
_INSTRUCTIONS = "instruction_following"
_HOW = (
    "download_questions.py of github.com/LiveBench/LiveBench writes them; --data FOLDER names the "
    "folder that they are below"
)


def questions(data: Data) -> Iterator[Problem]:
    """Yield the questions of all files ``question.jsonl`` below the folder with the user's data.

    Those that were removed since are left out, and those that cannot be judged here, which is said.

    Raises ``LocalqwqError`` if there are none.
    """
    if data.folder is None:
        raise LocalqwqError(f"LiveBench's questions are never fetched: {_HOW}.")
    judged, left_out = list[Problem](), Counter[str]()
    for path in sorted(data.folder.rglob("question.jsonl")):
        for place, line in enumerate(path.read_bytes().splitlines(), 1):
            row = _row(line, f"{path}, line {place}")
            if row.get("livebench_removal_date"):
                continue
            problem = _problem(row)
            if problem is None:
                left_out[row["task"]] += 1
            else:
                judged.append(problem)
    if not judged:
        raise LocalqwqError(f"No questions of LiveBench that can be judged are there: {_HOW}.")
    if any(problem.kind == "instructions" for problem in judged):
        language.require()
    if left_out:
        found = ", ".join(f"{count:,} of {task}" for task, count in sorted(left_out.items()))
        data.say(f"Left out of LiveBench, because nothing here judges them: {found}.")
    yield from judged


def _row(line: bytes, where: str) -> Mapping[str, Any]:
    try:
        row = json.loads(line)
        if all(isinstance(row[name], str) for name in ("question_id", "category", "task")):
            (row["prompt"],) = row["turns"]
            return dict(row)
    except (ValueError, KeyError, TypeError):
        pass
    raise LocalqwqError(f"{where}: not a question of LiveBench with one turn.")


def _problem(row: Mapping[str, Any]) -> Problem | None:
    task, truth = row["task"], row.get("ground_truth")
    name = f"{task}/{row['question_id']}"
    if row["category"] == _INSTRUCTIONS:
        instructions = _instructions(row)
        if instructions is None:
            return None
        return Problem(name, row["prompt"], written(instructions), "instructions")
    if isinstance(truth, list) and truth:
        truth = truth[-1]
    if task not in TASKS or not isinstance(truth, str) or not truth.strip():
        return None
    if task == "AMPS_Hard":
        return Problem(name, row["prompt"], truth, "expression")
    return Problem(name, row["prompt"], json.dumps([task, truth]), "parts")


def _instructions(row: Mapping[str, Any]) -> list[Instruction] | None:
    """Return the instructions; None if one of them is none of IFEval's."""
    kinds, arguments = row.get("instruction_id_list") or [], row.get("kwargs") or []
    if not kinds or len(kinds) != len(arguments) or any(kind not in RULES for kind in kinds):
        return None
    return [
        # A table of the hub has all arguments for each, most of them without a value.
        Instruction(kind, {name: value for name, value in given.items() if value is not None})
        for kind, given in zip(kinds, arguments, strict=True)
    ]
