"""LiveCodeBench v5: the makers' prompts, and the hub's tests."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from localqwq.errors import LocalqwqError
from localqwq.evals.problem import Problem
from localqwq.evals.programs import execution
from localqwq.evals.programs.case_files import case_file, md5_of
from localqwq.evals.programs.judging import with_cases
from localqwq.evals.published import Data, DataFile, fetched
from localqwq.sizes import readable_size

TESTS = "livecodebench_v5_tests"
"""The folder of the tests, beside the prompts; the makers' own script makes it, too."""
_HUB = "livecodebench/code_generation_lite"
_COMMIT = "0fe84c3912ea0c4d4a78037083943e8f0c4dd505"
_ROWS = {
    "test3.jsonl": (
        623_360_766,
        "28ed26cc83363ce3f1fe2d5fad9f8393077beb1907b167a31bd3b32f80801b79",
    ),
    "test4.jsonl": (
        1_204_644_685,
        "d711138ddaebfcf5f8ec6a4283ee677298c0f5c5d374a235af92aaf0584510da",
    ),
    "test5.jsonl": (
        557_699_297,
        "7f77571c2a6df0c2a72a3277650309f67e01e0008e18117e624633df53f81214",
    ),
}
"""Files of the hub with the problems that the makers ask: bytes and SHA-256."""


def prepare(prompts: Path, data: Data) -> None:
    """Make the files of tests that are lacking, in a folder beside the prompts.

    They are made as the makers store them, one for each problem, from files of the hub. These are
    in the folder of the prompts, or are fetched, and then removed again.

    Raises ``LocalqwqError`` if they are neither there nor may be fetched, or if programs cannot be
    run safely on this machine.
    """
    execution.require()
    folder = prompts.parent / TESTS
    lacking = {
        found["question_id"]: found["tests"]
        for found in _asked(prompts)
        if not (folder / found["tests"]["fname"]).is_file()
    }
    if not lacking:
        return
    if data.folder is not None:
        unpack(prompts.parent, folder, lacking)
        return
    if not data.fetch:
        raise LocalqwqError(
            f"The tests of {len(lacking):,} problems are not on this machine: --fetch gets them "
            f"from the data set {_HUB} of huggingface.co (CC; "
            f"{readable_size(sum(size for size, _ in _ROWS.values()))}, which are unpacked and "
            "removed), or --data FOLDER names where they are."
        )
    rows = fetched(hub_files(), prompts.parent, data.on_progress)
    unpack(prompts.parent, folder, lacking)
    for path in rows:
        path.unlink()


def hub_files() -> list[DataFile]:
    """Return the files of the hub, on the mirror that ``HF_ENDPOINT`` names, if it does."""
    hub = os.environ.get("HF_ENDPOINT") or "https://huggingface.co"
    base = f"{hub.rstrip('/')}/datasets/{_HUB}/resolve/{_COMMIT}"
    return [
        DataFile(name, sha256, "CC", base, bytes=size) for name, (size, sha256) in _ROWS.items()
    ]


def livecodebench(prompts: Path) -> Iterator[Problem]:
    """Yield the problems; each file of tests is checked by the MD5 in the makers' prompts."""
    folder = prompts.parent / TESTS
    for found in _asked(prompts):
        tests = found["tests"]
        yield Problem(
            id=found["question_id"],
            prompt=found["prompt"],
            expected=with_cases(folder / tests["fname"], tests["md5"]),
            kind="program",
        )


def _asked(prompts: Path) -> Sequence[Mapping[str, Any]]:
    return [json.loads(line) for line in prompts.read_bytes().splitlines()]


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
