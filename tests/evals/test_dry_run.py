"""Suites of results against an endpoint with a script, and every figure as computed by hand.

Each suite has five problems with two answers each, which are the same in all suites: right twice;
right and wrong; right after a thought that was cut as a loop, and an answer that is one; right
after a thought that used up its budget, and one that reached the maximum of tokens; right after the
connection broke, and wrong after the server was busy. Six of ten are right.
"""

import hashlib
import json
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from localqwq.cli.eval_output import document, lines
from localqwq.client.client import Client
from localqwq.client.errors import EndpointError
from localqwq.endpoint import Endpoint
from localqwq.evals.attempt import Attempt, Key, tasks
from localqwq.evals.journal import Journal
from localqwq.evals.problem import Problem
from localqwq.evals.published import Data, DataFile
from localqwq.evals.runner import Runner
from localqwq.evals.suite import SUITES, problems_of, suite_of
from tests.other_servers import Asked, Reply, listing, refusing, serving

SAMPLES, PROBLEMS = 2, 5
NAMES = ("aime24", "aime25", "arithmetic", "decimals", "letters")
"""The suites whose answers are results."""


@dataclass
class Script:
    """What is answered, by the prompt and the seed."""

    suites: dict[str, list[Problem]]
    always_right: bool = False
    asked: Counter[int] = field(default_factory=Counter)
    """How often each seed was asked."""
    last: int | None = None
    """How many answers are given before everything is refused."""

    def reply(self, asked: Asked) -> Reply:
        """Answer a request."""
        if asked.body is None:
            return listing("scripted")
        if self.last == self.asked.total():
            return refusing("403 Forbidden", {"error": {"message": "no more today"}})
        place, sample, problem = self._known()[asked.body["seed"]]
        assert asked.body["messages"][-1]["content"] == problem.prompt
        self.asked[asked.body["seed"]] += 1
        again = self.asked[asked.body["seed"]] > 1
        right, wrong = said(problem, right=True), said(problem, right=False)
        tokens = 10 * (2 * place + sample + 1)
        if self.always_right:
            return finished(right, tokens)
        match place, sample:
            case (0, _) | (1, 0):
                return finished(right, tokens)
            case (2, 0):
                return finished(right, tokens, thought="loop")
            case (2, 1):
                return finished("so so so", tokens, end="length", reason="loop")
            case (3, 0):
                return finished(right, tokens, thought="budget")
            case (3, 1):
                return finished("", tokens, end="length", thought="unfinished")
            case (4, 0):
                status, kind, pieces = finished(right, tokens)
                return status, kind, pieces if again else pieces[:1]
            case (4, 1) if not again:
                return refusing("503 Service Unavailable", {"error": {"message": "busy"}})
        return finished(wrong, tokens)

    def _known(self) -> dict[int, tuple[int, int, Problem]]:
        return {
            Key(name, problem.id, sample).seed: (place, sample, problem)
            for name, problems in self.suites.items()
            for place, problem in enumerate(problems)
            for sample in range(SAMPLES)
        }


def said(problem: Problem, *, right: bool) -> str:
    """An answer in the form that a suite asks for."""
    value = problem.expected if right else "0.001"
    match problem.kind:
        case "choice":
            return json.dumps({"answer": value if right else "Z"})
        case "larger":
            return f"{value} is larger."
        case "number":
            return f"That makes {value}."
        case _:
            return rf"So it is \boxed{{{value}}}."


def finished(
    answer: str, tokens: int, *, end: str = "stop", thought: str = "closed", reason: str = ""
) -> Reply:
    """A streamed completion with a thought of so many tokens."""
    details = {"thought": thought, **({"reason": reason} if reason else {})}
    last: dict[str, Any] = {"delta": {}, "index": 0, "finish_reason": end}
    usage = {
        "completion_tokens": tokens + 5,
        "completion_tokens_details": {"reasoning_tokens": tokens},
    }
    chunks: list[dict[str, Any]] = [
        {"choices": [{"delta": {"reasoning_content": "Hm. "}, "index": 0}]},
        {"choices": [{"delta": {"content": answer}, "index": 0}]},
        {"choices": [last | {"finish_details": details}], "usage": usage},
    ]
    pieces = [f"data: {json.dumps({'id': 'c-1'} | chunk)}\n\n".encode() for chunk in chunks]
    return "200 OK", "text/event-stream", [*pieces, b"data: [DONE]\n\n"]


def made(path: Path, *answers: str) -> Path:
    """A file of problems with these answers."""
    found = [{"prompt": f"{path.stem} {place}", "answer": one} for place, one in enumerate(answers)]
    path.write_text("".join(f"{json.dumps(one)}\n" for one in found))
    return path


@pytest.fixture
def suites(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, list[Problem]]:
    """Five problems of each suite; those that are published are made here."""
    monkeypatch.setattr("localqwq.evals.runner._PAUSE", 0)
    for name in ("aime24", "aime25"):
        content = made(tmp_path / f"{name}.jsonl", "4", "005", "204", "999", "0").read_bytes()
        file = DataFile(f"{name}.jsonl", hashlib.sha256(content).hexdigest(), "made here")
        monkeypatch.setitem(SUITES, name, replace(SUITES[name], file=file))
    own = made(tmp_path / "own.jsonl", "A", "B", "12.5", "-3", "1/2")
    data = Data(tmp_path / "cache", tmp_path)
    found = {word: problems_of(suite_of(word), data, 1, PROBLEMS) for word in (*NAMES, str(own))}
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
        row.pop("suite")
        assert row == {
            "budget": None,
            "problems": 5,
            "samples": 10,
            "right": 6,
            "votes": 2,
            "thought_median": 55,
            "thought_most": 100,
            "out_of_budget": 0.1,
            "looping": 0.2,
            "unfinished": 0.1,
            "without_answer": 0.2,
            "marks": {},
        }
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
