"""LiveCodeBench v5: the makers' prompts, and the hub's tests."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from localqwq.errors import LocalqwqError
from localqwq.evals.problem import Problem
from localqwq.evals.programs import execution
from localqwq.evals.programs.case_files import case_file, md5_of
from localqwq.evals.programs.judging import with_cases

TESTS = "livecodebench_v5_tests"
"""The folder of the tests, beside the prompts; the makers' own script makes it, too."""
_ROWS = ("test3.jsonl", "test4.jsonl", "test5.jsonl")
"""Files of the hub with the problems that the makers ask."""
_HUB = "livecodebench/code_generation_lite"


def livecodebench(prompts: Path) -> Iterator[Problem]:
    """Yield the problems; their tests have to lie in the folder of the prompts.

    They are there as the makers store them, one file for each problem, or as the hub has them,
    from which the others are made. Each is checked by the MD5 in the makers' prompts.

    Raises ``LocalqwqError`` if they are not, or if programs cannot be run safely on this machine.
    """
    execution.require()
    asked = [json.loads(line) for line in prompts.read_bytes().splitlines()]
    folder = prompts.parent / TESTS
    lacking = {
        found["question_id"]: found["tests"]
        for found in asked
        if not (folder / found["tests"]["fname"]).is_file()
    }
    if lacking:
        unpack(prompts.parent, folder, lacking)
    for found in asked:
        tests = found["tests"]
        yield Problem(
            id=found["question_id"],
            prompt=found["prompt"],
            expected=with_cases(folder / tests["fname"], tests["md5"]),
            kind="program",
        )


def unpack(source: Path, folder: Path, lacking: Mapping[str, Mapping[str, str]]) -> None:
    """Write the files of tests that are lacking, from the files of the hub in a folder.

    ``lacking``: the name and MD5 of each, by the problem's ``question_id``. Raises
    ``LocalqwqError`` if one cannot be made.
    """
    left = dict(lacking)
    for row in _rows(source):
        if (wanted := left.get(row["question_id"])) is None:
            continue
        try:
            text = case_file(row)
        except (ValueError, KeyError, TypeError) as error:
            raise LocalqwqError(
                f"The tests of {row['question_id']} cannot be read: {error}."
            ) from None
        if md5_of(text) != wanted["md5"]:
            raise LocalqwqError(
                f"The tests of {row['question_id']} are not those that QwQ's makers used."
            )
        folder.mkdir(parents=True, exist_ok=True)
        draft = folder / f"{wanted['fname']}.part"
        draft.write_text(text, encoding="utf-8")
        draft.replace(folder / wanted["fname"])
        del left[row["question_id"]]
    if left:
        raise LocalqwqError(
            f"The tests of {len(left):,} problems are not in {source}: they are published on "
            f"huggingface.co as the data set {_HUB}; download {', '.join(_ROWS)} of it (gigabytes) "
            "to this folder."
        )


def _rows(source: Path) -> Iterator[Mapping[str, Any]]:
    for name in _ROWS:
        path = source / name
        if path.is_file():
            with path.open("rb") as lines:
                for line in lines:
                    yield json.loads(line)
