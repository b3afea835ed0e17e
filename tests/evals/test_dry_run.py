"""Suites of results against a server with a script, and every figure as computed by hand."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from localqwq.cli.eval_output import document, lines
from localqwq.client.client import Client
from localqwq.client.errors import EndpointError
from localqwq.endpoint import Endpoint
from localqwq.evals.attempt import Attempt, tasks
from localqwq.evals.journal import Journal
from localqwq.evals.problem import Problem
from localqwq.evals.published import Data
from localqwq.evals.runner import Runner
from localqwq.evals.suite import SUITES, problems_of, suite_of
from tests.evals import made_suites
from tests.evals.made_suites import PROBLEMS, RESULTS
from tests.evals.scripted import ROW, SAMPLES, Script
from tests.other_servers import serving


@pytest.fixture
def suites(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, list[Problem]]:
    """Five problems of each suite; those that are published are made here."""
    monkeypatch.setattr("localqwq.evals.runner._PAUSE", 0)
    own = made_suites.write(tmp_path)
    for name, suite in made_suites.suites(tmp_path).items():
        monkeypatch.setitem(SUITES, name, suite)
    data = Data(tmp_path / "cache", tmp_path)
    words = (*RESULTS, str(own))
    found = {word: problems_of(suite_of(word), data, 1, PROBLEMS) for word in words}
    assert all(len(problems) == PROBLEMS for problems in found.values())
    return found


async def run(script: Script, url: str, journal: Journal, parallel: int = 3) -> list[Attempt]:
    """All attempts, those of the journal included."""
    done = {attempt.key for attempt in journal.attempts}
    protocols = {name: replace(suite_of(name).protocol, samples=SAMPLES) for name in script.suites}
    wanted = tasks(script.suites, dict.fromkeys(script.suites, SAMPLES), (None,))
    async with Client(Endpoint(url)) as client:
        runner = Runner(client, "scripted", protocols, lambda one, other: one == other)
        left = (task for task in wanted if task.key not in done)
        await runner.run(left, parallel, None, journal.add)
    return journal.attempts


async def test_every_figure_of_every_suite(
    suites: dict[str, list[Problem]], tmp_path: Path
) -> None:
    """Six of ten are right, and what became of the others; then beside a model without fault."""
    script = Script(suites)
    async with serving(script.reply) as server:
        attempts = await run(script, server.url, Journal(tmp_path / "journal", {}))
        temperatures = Counter(body["temperature"] for body in server.chats)
    # Two of each suite's ten were asked for twice.
    assert sum(script.asked.values()) == len(suites) * 12
    assert set(temperatures) == {0.0, 0.6}

    best = Script(suites, always_right=True)
    async with serving(best.reply) as server:
        all_right = await run(best, server.url, Journal(tmp_path / "best", {}))

    found = document({"scripted": attempts, "best": all_right})
    assert {row["suite"] for row in found["models"]["scripted"]} == set(suites)
    for row in found["models"]["scripted"]:
        seconds = row.pop("seconds")
        assert seconds > 0
        accuracy, majority = row.pop("accuracy"), row.pop("majority")
        # Means of 1 and four of 1/2 vary by 0.05: 0.6 * 0.4 * 5 / 0.05 = 24, of ten answers ten.
        assert list(accuracy.values()) == pytest.approx([0.6, 0.312674, 0.831820], abs=1e-5)
        # Right, half of a tie, right alone, right alone, half of a tie.
        assert list(majority.values()) == pytest.approx([0.8, 0.375535, 0.963776], abs=1e-5)
        assert row.pop("suite") in suites
        assert row == {**ROW, "without_answer": 0.2, "marks": {}}
    assert len(found["differences"]["best"]) == len(suites)
    for one in found["differences"]["best"]:
        # 0, and four times 1/2; no draw of five problems has less than the first alone.
        assert (one["problems"], one["value"]) == (5, pytest.approx(0.4))
        assert 0 < one["low"] <= 0.4 <= one["high"] == 0.5

    shown = "\n".join(lines({"scripted": attempts, "best": all_right}))
    for words in (
        "60.0% (31.3% to 83.2%)            5       10  55, 95 % under 100",
        "a vote of 2: 80.0% (37.6% to 96.4%)",
        "10.0% of the thoughts reached their budget",
        "20.0% kept repeating themselves and were cut",
        "10.0% reached the maximum of tokens, or of the context",
        "20.0% gave no final answer that could be found",
        "+40.0 points",
    ):
        assert shown.count(words) == len(suites), words
    # Where nothing varies, five problems are five answers: 5 / (5 + 1.96²); the vote's as well.
    assert shown.count("100.0% (56.6% to 100.0%)") == 2 * len(suites)


async def test_an_endpoint_that_ends_in_between(
    suites: dict[str, list[Problem]], tmp_path: Path
) -> None:
    """Its own sentence is raised; what was answered is kept, and the rest is asked afterwards."""
    script = Script(suites)
    path = tmp_path / "journal"
    async with serving(script.reply) as server:
        script.last = 7
        with pytest.raises(EndpointError, match="no more today"):
            await run(script, server.url, Journal(path, {}), parallel=1)
        script.last = None
        journal = Journal(path, {})
        assert len(journal.attempts) == 7
        attempts = await run(script, server.url, journal)
    keys = [attempt.key for attempt in attempts]
    assert len(keys) == len(set(keys)) == len(suites) * SAMPLES * PROBLEMS
    assert sum(attempt.right for attempt in attempts) == 6 * len(suites)
