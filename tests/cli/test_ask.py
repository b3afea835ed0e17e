"""``localqwq ask``: what goes to stdout, to stderr, and into the exit code."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

QUESTION = "Which is larger, 9.9 or 9.11?"


def ask(*arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run the command."""
    return subprocess.run(
        [sys.executable, "-m", "localqwq", "ask", *arguments],
        input="" if stdin is None else stdin,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_json(demo_gguf: Path) -> None:
    """Exactly one document, with every field that scripts read."""
    ran = ask(QUESTION, "-m", str(demo_gguf), "--json", "--seed", "1", "--temperature", "0")
    assert (ran.returncode, ran.stderr) == (0, "")
    document = json.loads(ran.stdout)
    assert document["reasoning"]
    assert "9.9" in document["answer"]
    assert document["tool_calls"] == []
    assert document["finish_reason"] == "stop"
    assert set(document["usage"]) == {
        "prompt_tokens",
        "cached_tokens",
        "reasoning_tokens",
        "completion_tokens",
        "total_tokens",
    }
    assert set(document["timings"]) == {"load_s", "first_token_s", "prompt_tps", "generate_tps"}
    assert document["timings"]["load_s"] > 0
    assert (document["seed"], document["sampling"]["temperature"]) == (1, 0)
    assert document["model"].startswith("demo")


def test_text_from_stdin(demo_server: str) -> None:
    """The answer on stdout, the thought on stderr, no escape codes outside a terminal."""
    question = "How many r's are in the word strawberry?"
    ran = ask("--endpoint", demo_server, "--temperature", "0", stdin=question)
    assert ran.returncode == 0
    assert "3" in ran.stdout
    assert ran.stdout.endswith("\n")
    assert ran.stderr.strip()
    assert "\x1b" not in ran.stdout + ran.stderr


def test_no_thoughts(demo_server: str) -> None:
    """They can be hidden."""
    ran = ask(QUESTION, "--no-thoughts", "--endpoint", f"{demo_server}/v1", "--temperature", "0")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.strip()


def test_token_limit(demo_server: str) -> None:
    """What ended the answer is said."""
    document = json.loads(
        ask(QUESTION, "--endpoint", demo_server, "--max-tokens", "3", "--json").stdout
    )
    assert document["finish_reason"] == "length"
    assert document["usage"]["completion_tokens"] == 3
    assert "token limit" in ask(QUESTION, "--endpoint", demo_server, "--max-tokens", "3").stderr


def test_think_budget(demo_server: str) -> None:
    """The thought is closed at it."""
    common = (QUESTION, "--endpoint", demo_server, "--json", "--temperature", "0")
    document = json.loads(ask(*common, "--think-budget", "2", "--max-tokens", "80").stdout)
    assert document["thought_end"] == "budget"
    refused = ask(*common, "--think-budget", "-2")
    assert refused.returncode == 2
    assert "--think-budget" in refused.stderr


@pytest.mark.parametrize("arguments", [[], ["  "]])
def test_empty_prompt(arguments: list[str]) -> None:
    """Wrong usage."""
    ran = ask(*arguments)
    assert ran.returncode == 2
    assert "prompt is empty" in ran.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["-m", "/nowhere/model.gguf"], "/nowhere/model.gguf"),
        (["--endpoint", "http://127.0.0.1:9"], "http://127.0.0.1:9"),
        (["--endpoint", "nonsense"], "nonsense"),
    ],
)
def test_failures(arguments: list[str], says: str) -> None:
    """One line on stderr, nothing on stdout."""
    ran = ask("Hi", *arguments)
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr.startswith("error: ")
    assert ran.stderr.count("\n") == 1
    assert says in ran.stderr


def test_a_refused_prompt(demo_server: str) -> None:
    """The server's sentence, in text and in JSON mode."""
    for extra in ([], ["--json"]):
        ran = ask("12 + 30 = 42. " * 1000, "--endpoint", demo_server, *extra)
        assert (ran.returncode, ran.stdout) == (1, "")
        assert "tokens of context" in ran.stderr


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--temperature", "nan"),
        ("--temperature", "-1"),
        ("--top-p", "7"),
        ("--top-k", "2.5"),
        ("--min-p", "inf"),
        ("--max-tokens", "0"),
        ("--ctx", "0"),
        ("--ctx", "many"),
    ],
)
def test_a_wrong_value(option: str, value: str) -> None:
    """Wrong usage, which is said before a model is looked for."""
    ran = ask("Hi", "-m", "no-such-model", option, value)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert option in ran.stderr
    assert repr(value) in ran.stderr


def test_a_full_disk(demo_server: str) -> None:
    """Where the answer cannot be written, that is said."""
    command = [sys.executable, "-m", "localqwq", "ask", "Hi", "--endpoint", demo_server]
    with Path("/dev/full").open("w") as full:
        ran = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert ran.returncode == 1
    assert ran.stderr.splitlines()[-1].startswith("error: The output cannot be written")


def test_ctrl_c(demo_gguf: Path) -> None:
    """130, no traceback, and the engine is gone."""
    command = [sys.executable, "-m", "localqwq", "ask", "Hello", "-m", str(demo_gguf)]
    endless = ["--temperature", "5", "--top-p", "1", "--top-k", "0", "--seed", "15"]
    process = subprocess.Popen(
        command + endless, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    with process:
        assert process.stderr is not None
        assert process.stderr.read(1), "it has begun to think"
        children = psutil.Process(process.pid).children()
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in stderr
    psutil.wait_procs(children, timeout=30)
    assert not any(child.is_running() for child in children)


def test_reader_that_leaves(demo_server: str) -> None:
    """Nobody reads stdout any more: no traceback."""
    read, write = os.pipe()
    os.close(read)
    ran = subprocess.run(
        [sys.executable, "-m", "localqwq", "ask", "Hello", "--endpoint", demo_server],
        stdout=write,
        stderr=subprocess.PIPE,
        text=True,
        timeout=120,
        check=False,
    )
    os.close(write)
    assert "Traceback" not in ran.stderr
    assert "BrokenPipe" not in ran.stderr


def test_a_vote(demo_server: str) -> None:
    """The answer most agree on, how many do, and what the others say."""
    words = ("What is 12 + 30?", "--endpoint", demo_server, "--samples", "4", "--seed", "7")
    ran = ask(*words)
    assert ran.returncode == 0
    assert ran.stdout == "12 + 30 = 42.\n"
    assert "answers agree" in ran.stderr
    assert "I add" not in ran.stderr
    document = json.loads(ask(*words, "--json").stdout)
    assert document["answer"] == "12 + 30 = 42."
    assert document["agreement"] >= 2
    assert document["answers"] >= document["agreement"]
    assert document["completion_tokens"] > 50


def test_a_vote_without_chance(demo_server: str) -> None:
    """Equal answers are no vote."""
    ran = ask("Hi", "--endpoint", demo_server, "--samples", "2", "--temperature", "0")
    assert ran.returncode == 2
    assert "the same answer" in ran.stderr
