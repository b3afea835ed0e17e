"""A whole run against a server that answers as it is told, and every figure of the report."""

import itertools
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import pytest

from localqwq.cli.eval_output import lines
from localqwq.client.client import Client
from localqwq.client.errors import EndpointError, EndpointLost
from localqwq.endpoint import Endpoint
from localqwq.evals.attempt import Attempt, Key, tasks
from localqwq.evals.bfcl.calls import Wanted, expectation
from localqwq.evals.ifeval.compliance import Instruction, written
from localqwq.evals.problem import Problem
from localqwq.evals.report import differences, rows
from localqwq.evals.runner import Runner
from localqwq.evals.statistics import wilson
from localqwq.evals.suite import GREEDY
from localqwq.reasoning.messages import Message, Tool
from tests.other_servers import Asked, Reply, listing, refusing, serving, streaming

PROBLEMS = [Problem(str(place), f"Problem {place}", "4", "integer") for place in range(4)]


def reply_to(asked: Asked, answer: str, end: str = "stop") -> Reply:
    """A thought and an answer, as most servers send them."""
    if asked.line == "GET /v1/models":
        return listing("scripted")
    return streaming({"reasoning_content": "Hm. "}, {"content": answer}, end=end)


def never(_: str, __: str) -> bool:
    """There are no expressions here."""
    raise AssertionError


async def drawn(
    url: str,
    samples: int = 1,
    deadline: float | None = None,
    budgets: Sequence[int | None] = (None,),
    problems: Sequence[Problem] = PROBLEMS,
) -> tuple[list[Attempt], int]:
    """All attempts of a run, and how many were cut."""
    found: list[Attempt] = []
    protocols = {"four": replace(GREEDY, samples=samples)}
    async with Client(Endpoint(url)) as client:
        runner = Runner(client, "scripted", protocols, never)
        wanted = tasks({"four": problems}, {"four": samples}, budgets)
        await runner.run(wanted, 2, deadline, found.append)
    return found, runner.cut


async def test_every_figure() -> None:
    """Right, wrong, out of tokens and without an answer: the row as counted by hand."""
    said = {
        "Problem 0": [r"\boxed{4}", r"\boxed{4}"],
        "Problem 1": [r"\boxed{4}", r"\boxed{5}"],
        "Problem 2": [r"\boxed{3}", r"\boxed{4.0}"],
        "Problem 3": ["I do not know.", r"\boxed{9"],
    }
    answers = {prompt: itertools.chain(found) for prompt, found in said.items()}

    def reply(asked: Asked) -> Reply:
        if asked.body is None:
            return reply_to(asked, "")
        prompt = asked.body["messages"][-1]["content"]
        answer = next(answers[prompt])
        return reply_to(asked, answer, "length" if answer.endswith("9") else "stop")

    async with serving(reply) as server:
        found, cut = await drawn(server.url, samples=2)
        seeds = {body["seed"] for body in server.chats}
    assert cut == 0
    assert len(seeds) == 8
    (row,) = rows(found)
    assert (row.suite, row.budget, row.problems, row.samples, row.right) == ("four", None, 4, 8, 4)
    assert row.accuracy.value == (1 + 0.5 + 0.5 + 0) / 4
    # The means vary by 1/6, so four problems are worth 0.5 * 0.5 * 4 / (1/6) = 6 answers.
    assert (row.accuracy.low, row.accuracy.high) == pytest.approx(wilson(0.5, 6))
    assert row.majority is not None
    assert (row.votes, row.majority.value) == (2, (1 + 0.5 + 0.5 + 0) / 4)
    assert row.without_answer == 2 / 8
    assert row.unfinished == 1 / 8
    assert (row.looping, row.out_of_budget) == (0, 0)


async def test_marks() -> None:
    """Instructions are counted one by one, and the texts do not vote."""
    rules = [Instruction("punctuation:no_comma", {}), Instruction("startend:quotation", {})]
    asked = [
        Problem(str(place), f"Say {place}", written(rules), "instructions") for place in (0, 1)
    ]
    said = {"Say 0": ['"So."', '"So."'], "Say 1": ['Here, now:\n"So."', '"So, so."']}
    answers = {prompt: iter(found) for prompt, found in said.items()}

    def reply(asked: Asked) -> Reply:
        if asked.body is None:
            return reply_to(asked, "")
        return reply_to(asked, next(answers[asked.body["messages"][-1]["content"]]))

    async with serving(reply) as server:
        found, _ = await drawn(server.url, samples=2, problems=asked)
    (row,) = rows(found)
    assert (row.right, row.accuracy.value, row.majority) == (2, 0.5, None)
    assert row.marks == {
        "instructions, strict": (4 + 0 + 1) / 8,
        "instructions, loose": (4 + 2 + 1) / 8,
        "prompts, loose": (2 + 1 + 0) / 4,
    }
    shown = "\n".join(lines({"scripted": found}))
    assert (
        "instructions, strict: 62.5% · instructions, loose: 87.5% · prompts, loose: 75.0%" in shown
    )
    assert "a vote" not in shown


def test_long_names() -> None:
    """The columns stand below each other."""
    found = [
        Attempt(Key(suite, "1", 0), "4", "4", True, 5, 9, 1.5, "stop", "closed")
        for suite in ("bfcl_live_parallel_multiple", "letters")
    ]
    _, header, *table = lines({"some": found})
    column = header.index("right")
    assert len(table) == 2
    assert all(row[column - 1 : column + 6] == " 100.0%" for row in table)


async def test_calls() -> None:
    """The tools are sent behind the conversation before the prompt, and the calls are judged."""
    wanted = Wanted("add", {"a": [1], "b": [2]}, {"a": "integer", "b": "integer"}, ["a", "b"])
    tool: Tool = {"type": "function", "function": {"name": "add", "parameters": {}}}
    before: tuple[Message, ...] = ({"role": "system", "content": "Be brief."},)
    asked = [
        Problem(name, f"Say {name}", expected, "calls", before, (tool,))
        for name, expected in (
            ("right", expectation([wanted])),
            ("wrong", expectation([wanted])),
            ("none", expectation([])),
        )
    ]
    arguments = {"Say right": '{"b": 2, "a": 1}', "Say wrong": '{"a": 1}'}

    def reply(asked: Asked) -> Reply:
        if asked.body is None:
            return reply_to(asked, "")
        said = asked.body["messages"][-1]["content"]
        if said not in arguments:
            return reply_to(asked, "I cannot do that.")
        call = {"index": 0, "id": "1", "function": {"name": "add", "arguments": arguments[said]}}
        return streaming({"tool_calls": [call]}, end="tool_calls")

    async with serving(reply) as server:
        found, _ = await drawn(server.url, problems=asked)
        sent = server.chats
    assert all(body["tools"] == [tool] for body in sent)
    assert all(body["messages"][0] == before[0] for body in sent)
    verdicts = {attempt.key.problem: (attempt.given, attempt.right) for attempt in found}
    assert verdicts == {
        "right": ('[{"arguments": {"a": 1, "b": 2}, "name": "add"}]', True),
        "wrong": ('[{"arguments": {"a": 1}, "name": "add"}]', False),
        "none": ("[]", True),
    }


async def test_two_models_in_pairs() -> None:
    """The second one is right in one more of the four."""

    def reply(asked: Asked, right: int) -> Reply:
        if asked.body is None:
            return reply_to(asked, "")
        place = int(asked.body["messages"][-1]["content"].split()[-1])
        return reply_to(asked, r"\boxed{4}" if place < right else r"\boxed{5}")

    async with serving(lambda asked: reply(asked, 2)) as server:
        one, _ = await drawn(server.url)
    async with serving(lambda asked: reply(asked, 3)) as server:
        other, _ = await drawn(server.url)
    ((part, problems, found),) = differences(one, other)
    assert (part, problems, found.value) == (("four", None), 4, 0.25)
    assert differences(one, []) == []


async def test_budgets() -> None:
    """Each is sent, and has a row of its own."""
    async with serving(lambda asked: reply_to(asked, r"\boxed{4}")) as server:
        found, _ = await drawn(server.url, budgets=(16, 64))
        budgets = [body.get("reasoning_budget") for body in server.chats]
    assert [row.budget for row in rows(found)] == [16, 64]
    assert len(budgets) == 8


async def test_a_server_that_is_busy_at_times() -> None:
    """It is asked again."""
    times = itertools.count()

    def reply(asked: Asked) -> Reply:
        if asked.body is not None and next(times) == 1:
            return refusing("503 Service Unavailable", {"error": {"message": "busy"}})
        return reply_to(asked, r"\boxed{4}")

    async with serving(reply) as server:
        found, _ = await drawn(server.url)
    assert len(found) == 4


async def test_a_connection_that_breaks_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is asked three times; what is raised says that an answer broke off."""
    monkeypatch.setattr("localqwq.evals.runner._PAUSE", 0)

    def reply(asked: Asked) -> Reply:
        status, kind, pieces = reply_to(asked, r"\boxed{4}")
        return status, kind, pieces if asked.body is None else pieces[:1]

    async with serving(reply) as server:
        with pytest.raises(EndpointLost):
            await drawn(server.url)
        prompts = Counter(body["messages"][-1]["content"] for body in server.chats)
    assert max(prompts.values()) == 3


async def test_a_server_that_refuses() -> None:
    """Its own sentence arrives."""

    def reply(asked: Asked) -> Reply:
        if asked.body is None:
            return reply_to(asked, "")
        return refusing("400 Bad Request", {"error": {"message": "no such sampler"}})

    async with serving(reply) as server:
        with pytest.raises(EndpointError, match="no such sampler"):
            await drawn(server.url)


async def test_the_time_is_over() -> None:
    """Nothing is begun, and nothing is counted as cut."""
    async with serving(lambda asked: reply_to(asked, r"\boxed{4}")) as server:
        found, cut = await drawn(server.url, deadline=time.monotonic() - 1)
    assert (found, cut) == ([], 0)
