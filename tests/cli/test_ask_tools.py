"""``localqwq ask --tools``, with the demo model behind a server."""

import json
import subprocess
import sys

import pytest

from localqwq.agent.permission import Allowed, Decision, Denied
from localqwq.agent.said import clear_decision, decision
from localqwq.locations import settings_file

QUESTION = "What is 47 times 86?"


def ask(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command."""
    return subprocess.run(
        [sys.executable, "-m", "localqwq", "ask", *arguments],
        input="",
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_call_result_answer(demo_server: str) -> None:
    """The answer on stdout, what led to it on stderr."""
    ran = ask(QUESTION, "--tools", "calculator", "--endpoint", demo_server, "--temperature", "0")
    assert (ran.returncode, ran.stdout) == (0, "47 * 86 = 4042.\n")
    assert "calculator" in ran.stderr
    assert "← 4042" in ran.stderr


def test_json(demo_server: str) -> None:
    """The steps, beside what an answer without tools has."""
    arguments = (QUESTION, "--endpoint", demo_server, "--json", "--temperature", "0")
    ran = ask(*arguments, "--tools", "calculator,time")
    assert (ran.returncode, ran.stderr) == (0, "")
    document = json.loads(ran.stdout)
    [step] = document["steps"]
    assert step.pop("seconds") >= 0
    assert step == {
        "name": "calculator",
        "arguments": {"expression": "47 * 86"},
        "result": "4042",
        "denied": False,
        "status": "done",
    }
    assert (document["answer"], document["finish_reason"]) == ("47 * 86 = 4042.", "stop")
    assert document["reasoning"].count("\n\n") == 1
    assert (document["rounds"], document["end_reason"]) == (2, "answer")
    plain = json.loads(ask(*arguments).stdout)
    assert set(document) - set(plain) == {"steps", "rounds", "end_reason"}


def test_thoughts_between_calls_on_request(demo_server: str) -> None:
    """The second prompt is longer by the first thought."""
    arguments = (QUESTION, "--endpoint", demo_server, "--json", "--temperature", "0")
    tokens = []
    for keeps in ("false", "true"):
        settings_file().write_text(f"[agent]\nkeep_thoughts = {keeps}\n")
        document = json.loads(ask(*arguments, "--tools", "calculator").stdout)
        tokens.append(document["usage"]["prompt_tokens"])
    assert 5 < tokens[1] - tokens[0] < 20


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--tools", "calculater"], "no tool 'calculater'; there are: calculator"),
        (["--yes-to", "time"], "--yes-to time needs --tools time"),
        (["--yes-to", "time,calculator", "--tools", "time"], "--yes-to calculator needs --tools"),
        (["--yes-to", "nosuch"], "There is no tool 'nosuch'; there are: calculator"),
        (["--yes-to", "time,nosuch", "--tools", "time"], "There is no tool 'nosuch'"),
        (["--tools", ""], "--tools: it names no tool: leave it out to go without"),
        (["--tools", "none"], "There is no tool 'none'"),
        (["--yes-to", ","], "--yes-to: it names no tool"),
        (["--tools", "time", "--samples", "3"], "--samples"),
    ],
)
def test_wrong_usage(options: list[str], says: str) -> None:
    """Said before a model is looked for."""
    ran = ask(QUESTION, "-m", "no-such-model", *options)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert says in ran.stderr


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("y\n", Allowed("once")),
        ("Yes", Allowed("once")),
        ("c\n", Allowed("conversation")),
        (" always ", Allowed("always")),
        ("n\n", Denied()),
        ("\n", Denied()),
        ("", Denied()),
        ("not in that folder\n", Denied("not in that folder")),
    ],
)
def test_what_people_answer(line: str, expected: Decision) -> None:
    """Only a clear yes allows anything; the end of the input does not."""
    assert decision(line) == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("y\n", Allowed("once")),
        ("always", Allowed("always")),
        ("n", Denied()),
        ("no  not in that folder\n", Denied("not in that folder")),
        ("yes, but why is the sky blue?", None),
        ("Next, write a poem.", None),
        ("", None),
    ],
)
def test_answers_among_prompts(line: str, expected: Decision | None) -> None:
    """A line that is no clear answer is something else."""
    assert clear_decision(line) == expected
