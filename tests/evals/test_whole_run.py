"""All suites in one run of the program: what the report says, also after it was killed."""

import asyncio
import importlib.util
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from localqwq.evals.problem import Problem
from localqwq.evals.published import Data
from localqwq.evals.suite import SUITES, problems_of, suites_of
from tests.agent.backends import needs_sandbox
from tests.evals import made_suites
from tests.evals.made_suites import ALL, PROBLEMS
from tests.evals.scripted import ROW, SAMPLES, Script
from tests.other_servers import serving

ROOT = Path(__file__).parent.parent.parent
MARKS = {
    "ifeval": {"instructions, strict": 0.6, "instructions, loose": 0.6, "prompts, loose": 0.6},
    "humaneval": {"tests": 0.6},
    "livecodebench": {"tests": 0.6},
    "livebench_unverified": {"parts of zebra_puzzle": 0.6},
}
"""What else is judged: all of it is right where the answer is, and nothing where it is not."""


@dataclass(frozen=True, slots=True)
class Run:
    """A run of the program."""

    folder: Path
    url: str
    words: tuple[str, ...]

    async def begun(self, *more: str) -> asyncio.subprocess.Process:
        """The program, started."""
        entry = (sys.executable, "-m", "tests.evals.whole_run", str(self.folder), "eval")
        numbers = ("--samples", str(SAMPLES), "--limit", str(PROBLEMS))
        return await asyncio.create_subprocess_exec(
            *(*entry, *self.words, "scripted", "--endpoint", self.url, "--data", str(self.folder)),
            *(*numbers, *more),
            cwd=ROOT,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )

    async def report(self, *more: str) -> dict[str, dict[str, Any]]:
        """The rows of the report by suite, without what takes how long."""
        process = await self.begun("--json", *more)
        try:
            said, complained = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        assert process.returncode == 0, complained.decode()
        (rows,) = json.loads(said)["models"].values()
        assert all(row.pop("seconds") > 0 for row in rows)
        return {row.pop("suite"): row for row in rows}


@pytest.fixture
def words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, ...]:
    """The suites, whose files are made here."""
    own = made_suites.write(tmp_path)
    for name, suite in made_suites.suites(tmp_path).items():
        monkeypatch.setitem(SUITES, name, suite)
    left_out = () if importlib.util.find_spec("reasoning_gym") else ("gym_gcd",)
    return (*(name for name in ALL if name not in left_out), str(own))


@needs_sandbox()
async def test_all_suites_and_a_kill(tmp_path: Path, words: tuple[str, ...], home: Path) -> None:
    """Every figure is as computed by hand; a killed run that is resumed reports the same."""
    data = Data(tmp_path / "cache", tmp_path)
    suites = {suite.name: problems_of(suite, data, 1, PROBLEMS) for suite in suites_of(words)}
    answers = SAMPLES * PROBLEMS * len(suites)
    script = Script(suites)
    async with serving(script.reply) as server:
        run = Run(tmp_path, server.url, words)
        whole = await run.report()
    # Two of each suite's ten were asked for twice.
    assert script.asked.total() == 12 * len(suites)
    check(whole, suites)

    (journal,) = folder(home)
    journal.unlink()
    script = Script(suites)
    async with serving(script.reply) as server:
        run = Run(tmp_path, server.url, words)
        process = await run.begun()

        def kill(count: int) -> None:
            if count == answers // 2:
                process.kill()

        script.on_request = kill
        _, complained = await process.communicate()
        assert process.returncode == -9, complained.decode()
        (journal,) = folder(home)
        before = journal.read_bytes()
        assert 1 < before.count(b"\n") < answers // 2
        journal.write_bytes(before + b'{"key": {"su')  # what a kill may leave of a line
        assert await run.report("--resume") == whole
    assert folder(home) == [journal]
    assert journal.read_bytes().startswith(before)
    assert journal.read_bytes().count(b"\n") == 1 + answers


def folder(home: Path) -> list[Path]:
    """The journals of evaluations."""
    return list((home / "data" / "evaluations").iterdir())


def check(report: dict[str, dict[str, Any]], suites: dict[str, list[Problem]]) -> None:
    """Compare a report with what the script makes of each suite."""
    assert report.keys() == suites.keys()
    for name, row in report.items():
        row = dict(row)
        # Means of 1 and four of 1/2 vary by 0.05: 0.6 * 0.4 * 5 / 0.05 = 24, of ten answers ten.
        accuracy = list(row.pop("accuracy").values())
        assert accuracy == pytest.approx([0.6, 0.312674, 0.831820], abs=1e-5), name
        majority, marks = row.pop("majority"), MARKS.get(name, {})
        if marks:
            assert majority is None, name
        else:  # right, half of a tie, right alone, right alone, half of a tie
            values = list(majority.values())
            assert values == pytest.approx([0.8, 0.375535, 0.963776], abs=1e-5), name
        assert row.pop("marks") == pytest.approx(marks), name
        # Any text may follow instructions, so that only the empty one is none.
        without = 0.1 if name == "ifeval" else 0.2
        assert row.pop("without_answer") == without, name
        assert row == ROW, name
