"""``localqwq eval``: the demo's own skills, through the real engine."""

import asyncio
import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from localqwq.cli.main import main
from localqwq.evals.published import Data
from localqwq.evals.suite import SUITES, problems_of
from localqwq.locations import settings_file
from localqwq.packs.manifest import read_manifest
from tests.evals.published_files import folder_with
from tests.other_servers import Asked, Reply, listing, serving, streaming


def test_the_demo_and_again(
    demo_server: str, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Right answers, stored as they come; resumed, nothing is asked twice."""
    words = ["eval", "arithmetic", "letters", "--limit", "3", "--endpoint", demo_server]
    assert main([*words, "--json"]) == 0
    (row, other) = next(iter(json.loads(capsys.readouterr().out)["models"].values()))
    assert (row["suite"], row["problems"], row["samples"]) == ("arithmetic", 3, 3)
    assert (other["suite"], other["budget"]) == ("letters", None)
    assert row["right"] + other["right"] >= 5
    assert row["thought_median"] > 0
    (journal,) = (home / "data" / "evaluations").iterdir()
    whole = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(whole[:4]) + whole[4][:20])
    assert main([*words, "--resume"]) == 0
    shown = capsys.readouterr()
    assert "6 answers" in shown.out
    assert [line for line in shown.out.splitlines() if "arithmetic" in line]
    again = journal.read_bytes().splitlines(keepends=True)
    assert again[:4] == whole[:4]
    assert len(again) == 7


def test_two_of_them(demo_pack: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A model beside itself does not differ; a pack then says what was found."""
    pack = shutil.copytree(demo_pack, tmp_path / "demo")
    model, other = pack / "demo-Q8_0.gguf", tmp_path / "other.gguf"
    other.symlink_to(model)
    # One thread waits for no other one, which on a busy machine takes long.
    words = ["eval", "decimals", str(model), str(other), "--limit", "2", "--ctx", "512"]
    words += ["--threads", "1"]
    assert main([*words, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    (row,) = document["models"]["demo:Q8_0"]
    (found,) = read_manifest(pack).figures.evaluations
    assert (found.quant, found.suite, found.problems, found.seed) == ("Q8_0", "decimals", 2, 1)
    assert (found.accuracy, found.low) == (row["accuracy"]["value"], row["accuracy"]["low"])
    assert (found.temperature, found.max_tokens) == (0, 2048)
    assert found.command == "localqwq eval decimals demo:Q8_0 --samples 1 --limit 2 --seed 1"
    assert list(document["models"]) == ["demo:Q8_0", "other:Q8_0"]
    (found,) = document["differences"]["other:Q8_0"]
    assert (found["problems"], found["value"]) == (2, 0)


async def test_what_ctrl_c_keeps_is_told(home: Path) -> None:
    """The answers so far, and how to go on, which works."""
    words = ["eval", "letters", "scripted", "--limit", "3", "--parallel", "1"]
    stopped: list[subprocess.Popen[str]] = []

    def reply(asked: Asked) -> Reply:
        if asked.line.startswith("GET"):
            return listing("scripted")
        if len(server.chats) in (1, 3):  # while the program waits for this answer
            stopped[-1].send_signal(signal.SIGINT)
            stopped[-1].wait(60)
        return streaming({"content": "4"})

    def run(*more: str) -> tuple[int, str, str]:
        command = [sys.executable, "-m", "localqwq", *words, *more]
        pipe = subprocess.PIPE
        with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True) as process:
            stopped.append(process)
            try:
                out, err = process.communicate(timeout=60)
            finally:
                process.kill()
            return process.returncode, out, err

    async with serving(reply) as server:
        words += ["--endpoint", server.url]
        for said in (
            "None of 3 answers was finished, so nothing is kept.",
            "1 of 3 answers is kept; --resume goes on with the rest.",
        ):
            code, _, err = await asyncio.to_thread(run)
            assert code == 130, err
            assert said in err.splitlines()
        code, out, err = await asyncio.to_thread(run, "--resume")
        assert code == 0, err
        assert "3 answers" in out
    assert len(server.chats) == 5


def test_the_endpoint_in_the_settings(demo_server: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a model it is asked, as by ``ask``."""
    settings_file().parent.mkdir(parents=True, exist_ok=True)
    settings_file().write_text(
        f'endpoint = "here"\n[[endpoints]]\nname = "here"\nurl = "{demo_server}"\n'
    )
    assert main(["eval", "letters", "--limit", "1", "--json"]) == 0
    shown = capsys.readouterr()
    assert '"demo:Q8_0"' in shown.out
    assert "Loading" not in shown.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["demo"], "demo is not a suite"),
        (["aime24", "demo"], "--fetch gets them from"),
        (["bfcl", "demo"], "The problems of the Berkeley Function Calling Leaderboard are not"),
        (["humaneval", "demo"], "The problems of HumanEval are not"),
        (["livecodebench", "demo"], "The problems of livecodebench_v5 are not"),
        (["nothing.jsonl"], "There is no file nothing.jsonl"),
        (["arithmetic", "no-such-model"], "no-such-model"),
        (["arithmetic", "demo", "demo"], "demo is named twice"),
    ],
)
def test_what_cannot_be_evaluated(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """One sentence each, before anything is loaded."""
    assert main(["eval", *words]) == 1
    shown = capsys.readouterr()
    assert said in shown.err
    assert "Loading" not in shown.err


@pytest.mark.parametrize(
    "words", [["--minutes", "0"], ["--budgets", "1k,x"], ["--samples", "0"], ["--seed", "-1"]]
)
def test_wrong_values(words: list[str]) -> None:
    """They are wrong usage."""
    assert main(["eval", "arithmetic", *words]) == 2


@pytest.mark.parametrize("name", ["aime24", "aime25"])
def test_the_makers_problems(name: str) -> None:
    """Thirty with whole numbers, as published."""
    folder = folder_with(f"{name}.jsonl")
    found = problems_of(SUITES[name], Data(folder, folder), 1, None)
    assert len(found) == 30
    assert {problem.kind for problem in found} == {"integer"}
    assert all(0 <= int(problem.expected) <= 999 for problem in found)
