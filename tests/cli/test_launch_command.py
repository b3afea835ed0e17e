"""``localqwq launch``: other programs, with a local model behind the APIs that they know."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import tomllib
from pathlib import Path
from typing import Any

import psutil
import pytest

from localqwq.cli.main import main
from localqwq.cli.programs import PROGRAMS, Served, setup_of

SERVED = Served("http://127.0.0.1:8080", 'a "model":Q8_0', "secret", 32_768)


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """A program that writes what it was started with, and what the server says, and ends with 7."""
    path = tmp_path / "asks"
    path.write_text(
        textwrap.dedent(
            f"""\
            #!{sys.executable}
            import json, os, sys, urllib.request
            base = os.environ["OPENAI_BASE_URL"]
            key = {{"Authorization": "Bearer " + os.environ["OPENAI_API_KEY"]}}
            request = urllib.request.Request(base + "/models", headers=key)
            with urllib.request.urlopen(request) as answer:
                models = json.load(answer)["data"]
            other = os.environ.get("ANTHROPIC_API_KEY")
            print(json.dumps([sys.argv[1:], models[0]["id"], base, other]))
            sys.exit(7)
            """
        )
    )
    path.chmod(0o755)
    return path


def test_a_program_has_a_server_of_its_own(
    program: Path,
    demo_gguf: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its words, its exit code; afterwards nothing is left."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", "somebody's")
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    words = ["launch", str(program), "-m", str(demo_gguf), "--ctx", "512"]
    assert main([*words, "--", "-p", "two words", "--"]) == 7
    shown = capfd.readouterr()
    arguments, model, base, foreign = json.loads(shown.out)
    assert arguments == ["-p", "two words", "--"]
    assert model == "demo:Q8_0"
    assert base.startswith("http://127.0.0.1:")
    assert foreign is None, "a key of another server's is not sent to this one"
    assert "512 tokens of context" in shown.err
    left = [child for child in psutil.Process().children(recursive=True) if child.pid not in before]
    assert left == []
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_server_that_runs_already(
    program: Path, demo_server: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """It is used, and goes on afterwards."""
    for _ in range(2):
        assert main(["launch", str(program), "--endpoint", demo_server]) == 7
        assert json.loads(capfd.readouterr().out)[1:3] == ["demo:Q8_0", f"{demo_server}/v1"]


def test_a_signal_reaches_the_program(tmp_path: Path, demo_gguf: Path) -> None:
    """And everything ends with it."""
    program = tmp_path / "waits"
    program.write_text("#!/bin/sh\necho started\nexec sleep 600\n")
    program.chmod(0o755)
    words = ["launch", str(program), "-m", str(demo_gguf), "--ctx", "512"]
    with subprocess.Popen(
        [sys.executable, "-m", "localqwq", *words], stdout=subprocess.PIPE, text=True
    ) as launching:
        assert launching.stdout is not None
        assert launching.stdout.readline() == "started\n"
        started = psutil.Process(launching.pid).children(recursive=True)
        try:
            os.kill(launching.pid, signal.SIGTERM)
            assert launching.wait(60) == 128 + signal.SIGTERM
        finally:
            launching.kill()
    _, alive = psutil.wait_procs(started, timeout=30)
    assert alive == []


def test_a_signal_while_the_program_starts(
    demo_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reaches it, too: it runs already when its start has not returned yet."""
    started: list[subprocess.Popen[str]] = []

    class Signalled(subprocess.Popen[str]):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            started.append(self)
            signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(subprocess, "Popen", Signalled)
    words = ["launch", sys.executable, "--endpoint", demo_server]
    try:
        code = main([*words, "--", "-c", "import time; time.sleep(600)"])
        assert code == 128 + signal.SIGTERM
        assert [program.returncode for program in started] == [-signal.SIGTERM]
    finally:
        for program in started:
            program.kill()
            program.wait()


@pytest.mark.parametrize("name", [*PROGRAMS, "another"])
def test_the_address_and_the_model_are_told(name: str) -> None:
    """In words or variables, of every program."""
    setup = setup_of(name, SERVED)
    told = " ".join([*setup.words, *setup.environment.values()])
    assert "http://127.0.0.1:8080" in told
    assert "secret" in setup.environment.values() or "secret" in told
    assert name == "another" or "model" in told


def test_what_codex_reads() -> None:
    """Each ``-c`` is TOML, also with quotes in a name."""
    words = setup_of("codex", SERVED).words
    assert set(words[::2]) == {"-c"}
    found = tomllib.loads("\n".join(words[1::2]))
    assert found["model"] == SERVED.model
    assert found["model_context_window"] == SERVED.context
    provider = found["model_providers"][found["model_provider"]]
    assert provider["base_url"] == "http://127.0.0.1:8080/v1"
    assert provider["wire_api"] == "responses"
    assert setup_of("codex", SERVED).environment[provider["env_key"]] == "secret"


def test_what_opencode_reads() -> None:
    """One provider with one model, which is used for everything."""
    found = json.loads(setup_of("opencode", SERVED).environment["OPENCODE_CONFIG_CONTENT"])
    provider, model = found["model"].split("/", 1)
    assert found["small_model"] == found["model"]
    assert found["provider"][provider]["models"][model]["limit"]["context"] == SERVED.context


def test_it_is_only_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """As lines for a shell; nothing is started, and nothing need be installed."""
    assert main(["launch", "claude", "--print", "-m", "demo", "--", "-p", "Hi there"]) == 0
    *lines, last = capsys.readouterr().out.splitlines()
    assert "export ANTHROPIC_BASE_URL=http://127.0.0.1:8080" in lines
    assert "unset ANTHROPIC_API_KEY" in lines
    assert "export CLAUDE_CODE_ATTRIBUTION_HEADER=0" in lines
    assert "export CLAUDE_STREAM_IDLE_TIMEOUT_MS=3600000" in lines
    assert last == "claude -p 'Hi there'"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["no-such-program"], "There is no program no-such-program on the PATH; known are claude"),
        (["codex"], "Codex is not installed: `npm install -g @openai/codex` installs it."),
        (["true", "-m", "no-such-model"], "no-such-model"),
        (["true", "--endpoint", "http://127.0.0.1:9"], "127.0.0.1:9"),
    ],
)
def test_what_cannot_be_started(
    words: list[str],
    said: str,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One sentence, before anything runs."""
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    assert main(["launch", *words]) == 1
    *_, last = capfd.readouterr().err.splitlines()
    assert last.startswith("error: ")
    assert said in last
