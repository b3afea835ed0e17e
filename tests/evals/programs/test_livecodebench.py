"""The files of LiveCodeBench: prompts, tests, and what does not fit together."""

import hashlib
import json
import os
import pickle
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from localqwq.agent.sandbox import choosing
from localqwq.errors import LocalqwqError
from localqwq.evals.programs import case_files, execution, livecodebench
from localqwq.evals.programs.case_files import case_file, md5_of, read_cases
from localqwq.evals.published import Data
from localqwq.evals.suite import SUITES, problems_of
from localqwq.evals.verdict import judge
from localqwq.packs.download.meter import Progress
from tests.agent.backends import needs_sandbox
from tests.evals.programs.hub_rows import packed, private_tests, row
from tests.evals.published_files import folder_with
from tests.hub_server import Hub, serving

TESTS = private_tests(("41", "42"), ("-1", "0"))


class Harmful:
    """Whoever unpickles it runs a command."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("echo harmful > harmful",)


def test_private_tests(tmp_path: Path) -> None:
    """As JSON, or as a pickled text; public ones come first."""
    plain, hidden = case_file(row("a", TESTS)), case_file(row("a", packed(TESTS)))
    assert plain == hidden
    path = tmp_path / "1.json"
    path.write_text(hidden, encoding="utf-8")
    found = read_cases(path, md5_of(hidden))
    assert (found.inputs, found.outputs) == (["1", "41", "-1"], ["2", "42", "0"])
    assert found.function is None
    path.write_text(case_file(row("a", TESTS, "add")), encoding="utf-8")
    assert read_cases(path, md5_of(path.read_text(encoding="utf-8"))).function == "add"


def test_as_the_makers_store_them() -> None:
    """Down to the byte, since they name the checksum."""
    text = case_file(row("a", "[]"))
    inside = '{"inputs": ["1"], "outputs": ["2"], "fn_name": null}'.replace('"', '\\"')
    assert text == f'{{"input_output": "{inside}"}}'
    assert md5_of(text) == "47ace4cce2dbb859aaf0ade976599455"


@pytest.mark.parametrize(
    "private",
    [
        packed(Harmful()),
        packed(["a list"]),
        packed(b"bytes"),
        packed(print),
        packed("no JSON"),
        packed(TESTS)[:-8],
        "no base64",
        "",
    ],
)
def test_damaged_tests(private: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing but a text is read from a pickle, so that nothing is run."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError):
        case_file(row("a", private))
    assert list(tmp_path.iterdir()) == []


def test_the_harmful_one_is_harmful(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise the test before would show nothing."""
    monkeypatch.chdir(tmp_path)
    pickle.loads(pickle.dumps(Harmful()))
    assert (tmp_path / "harmful").exists()


def test_tests_that_fill_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are unpacked up to a limit."""
    monkeypatch.setattr(case_files, "_MOST_BYTES", 1000)
    assert case_file(row("a", packed(TESTS)))
    with pytest.raises(ValueError, match="more than"):
        case_file(row("a", packed("[" + "1," * 10_000 + "1]")))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with two prompts, and a file of the hub with more rows than these."""
    rows = [row(name, packed(TESTS)) for name in ("x", "a", "b")]
    prompts = [
        {
            "question_id": name,
            "prompt": f"Solve {name}.",
            "tests": {"fname": f"{number}.json", "md5": md5_of(case_file(found))},
        }
        for number, (name, found) in enumerate(zip("ab", rows[1:], strict=True))
    ]
    (tmp_path / "prompts.jsonl").write_text("\n".join(map(json.dumps, prompts)), encoding="utf-8")
    (tmp_path / "test4.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return tmp_path


@needs_sandbox()
def test_problems(folder: Path) -> None:
    """Their tests are unpacked once, and only theirs."""
    prompts, data = folder / "prompts.jsonl", Data(folder, folder)
    livecodebench.prepare(prompts, data)
    found = list(livecodebench.livecodebench(prompts))
    assert [(problem.id, problem.prompt) for problem in found] == [
        ("a", "Solve a."),
        ("b", "Solve b."),
    ]
    tests = folder / livecodebench.TESTS
    assert sorted(path.name for path in tests.iterdir()) == ["0.json", "1.json"]
    (folder / "test4.jsonl").unlink()
    livecodebench.prepare(prompts, data)
    wanted = json.loads(found[0].expected)
    (tests / "0.json").write_text("{}", encoding="utf-8")
    with pytest.raises(LocalqwqError, match="other tests than"):
        read_cases(Path(wanted["path"]), wanted["md5"])
    (tests / "0.json").unlink()
    with pytest.raises(LocalqwqError, match="cannot be read"):
        read_cases(Path(wanted["path"]), wanted["md5"])


def test_a_machine_without_a_sandbox(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The suite is refused before anything is asked, and no program is run."""
    monkeypatch.setattr(choosing, "installed", list)
    choosing.backend.cache_clear()
    try:
        with pytest.raises(LocalqwqError, match="There is no working sandbox"):
            livecodebench.prepare(folder / "prompts.jsonl", Data(folder, folder))
        assert not (folder / livecodebench.TESTS).exists()
        with pytest.raises(LocalqwqError, match="There is no working sandbox"):
            execution.run_all("open('made', 'w')", [("", 1)])
    finally:
        choosing.backend.cache_clear()


@pytest.fixture
def hub() -> Iterator[Hub]:
    """A hub of data sets."""
    with serving() as found:
        yield found


@needs_sandbox()
def test_tests_from_the_hub(
    folder: Path, hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are fetched when that is asked for, go on where they were, and only tests stay."""
    served, cache = tmp_path / "served", tmp_path / "cache"
    served.mkdir()
    cache.mkdir()
    (folder / "test4.jsonl").rename(served / "test4.jsonl")
    prompts = (folder / "prompts.jsonl").rename(cache / "prompts.jsonl")
    content = (served / "test4.jsonl").read_bytes()
    commit = hub.publish("livecodebench/code_generation_lite", served)
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    monkeypatch.setattr(livecodebench, "_COMMIT", commit)
    known = {"test4.jsonl": (len(content), hashlib.sha256(content).hexdigest())}
    monkeypatch.setattr(livecodebench, "_ROWS", known)
    with pytest.raises(LocalqwqError, match=r"2 problems are not on this machine: --fetch"):
        livecodebench.prepare(prompts, Data(cache))
    assert hub.requests == []
    shown: list[Progress] = []
    hub.cut["test4.jsonl"] = len(content) // 2
    livecodebench.prepare(prompts, Data(cache, fetch=True, on_progress=shown.append))
    assert {one.total for one in shown[1:]} == {len(content)}
    assert "downloading" in {one.stage for one in shown}
    assert [path.name for path in cache.iterdir() if path.is_file()] == ["prompts.jsonl"]
    (problem, _) = livecodebench.livecodebench(prompts)
    wanted = json.loads(problem.expected)
    assert read_cases(Path(wanted["path"]), wanted["md5"]).inputs == ["1", "41", "-1"]
    said = "So:\n```python\nprint(int(input()) + 1)\n```"
    assert judge(problem, said, lambda one, other: False).right
    count = len(hub.requests)
    livecodebench.prepare(prompts, Data(cache, fetch=True))
    assert len(hub.requests) == count


@needs_sandbox()
def test_a_hub_with_other_tests(
    folder: Path, hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What does not have the checksum is not read, and nothing of it stays."""
    served = tmp_path / "served"
    served.mkdir()
    (folder / "test4.jsonl").rename(served / "test4.jsonl")
    commit = hub.publish("livecodebench/code_generation_lite", served)
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    monkeypatch.setattr(livecodebench, "_COMMIT", commit)
    size = (served / "test4.jsonl").stat().st_size
    monkeypatch.setattr(livecodebench, "_ROWS", {"test4.jsonl": (size, "0" * 64)})
    with pytest.raises(LocalqwqError, match=r"could not be fetched.*checksum"):
        livecodebench.prepare(folder / "prompts.jsonl", Data(folder, fetch=True))
    assert [path.name for path in folder.iterdir() if path.is_file()] == ["prompts.jsonl"]


@needs_sandbox()
def test_a_disk_that_is_too_small(folder: Path, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    """That is said before anything is fetched."""
    (folder / "test4.jsonl").unlink()
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    most = 10**17
    monkeypatch.setattr(livecodebench, "_ROWS", {"test4.jsonl": (most, "0" * 64)})
    with pytest.raises(LocalqwqError, match=r"are to be downloaded to .* free some space"):
        livecodebench.prepare(folder / "prompts.jsonl", Data(folder, fetch=True))
    assert hub.requests == []


def test_what_is_known_of_the_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    """A commit, and the size and SHA-256 of each file, as the hub's own pages state them."""
    monkeypatch.delenv("HF_ENDPOINT", raising=False)
    files = livecodebench.hub_files()
    assert [file.name for file in files] == ["test3.jsonl", "test4.jsonl", "test5.jsonl"]
    assert all(re.fullmatch("[0-9a-f]{64}", file.sha256) for file in files)
    assert files[0].url == (
        "https://huggingface.co/datasets/livecodebench/code_generation_lite/resolve/"
        "0fe84c3912ea0c4d4a78037083943e8f0c4dd505/test3.jsonl"
    )


def test_tests_that_are_not_there(folder: Path) -> None:
    """The sentence says which files of which data set have them."""
    with pytest.raises(LocalqwqError, match=r"1 problems are not in .*code_generation_lite.*test5"):
        livecodebench.unpack(folder, folder / "tests", {"c": {"fname": "2.json", "md5": "0"}})


def test_tests_that_differ(folder: Path) -> None:
    """Another version of the tests would give another figure."""
    with pytest.raises(LocalqwqError, match="The tests of a are not those"):
        livecodebench.unpack(folder, folder / "tests", {"a": {"fname": "0.json", "md5": "0"}})
    (folder / "test3.jsonl").write_text(json.dumps(row("a", "damaged")), encoding="utf-8")
    with pytest.raises(LocalqwqError, match="The tests of a cannot be read"):
        livecodebench.unpack(folder, folder / "tests", {"a": {"fname": "0.json", "md5": "0"}})
    assert not (folder / "tests").exists()


@needs_sandbox()
def test_the_makers_prompts() -> None:
    """Without the hub's files, the sentence says what to download."""
    folder = folder_with("livecodebench_v5.jsonl")
    if (folder / livecodebench.TESTS).exists():
        assert len(problems_of(SUITES["livecodebench"], Data(folder, folder), 1, None)) == 279
    else:
        with pytest.raises(LocalqwqError, match="The tests of 279 problems are not in"):
            problems_of(SUITES["livecodebench"], Data(folder, folder), 1, None)
