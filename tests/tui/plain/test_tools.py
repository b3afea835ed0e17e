"""Tools without a screen: chosen, called, and allowed line by line."""

import subprocess
import sys

from localqwq.locations import data_directory, settings_file
from tests.pseudo_terminal import Program, program, stored_turns

QUESTION = "What is 47 times 86?"
ASKING = """
from dataclasses import replace
from localqwq.agent.tool import Effect
from localqwq.agent.tools import calculator
from localqwq.__main__ import main
calculator.TOOL = replace(calculator.TOOL, effect=Effect.CHANGE)
raise SystemExit(main())
"""
"""The program with a calculator that needs permission."""


def says(shown: Program, words: str, typed: str) -> None:
    """Type something and wait for these words behind it."""
    said = shown.shows(words)
    shown.write(typed.encode())
    shown.until(said)


def set_up() -> None:
    """The model always chooses the most probable token."""
    settings_file().parent.mkdir(parents=True, exist_ok=True)
    settings_file().write_text("[sampling]\ntemperature = 0.0\n")


def test_a_question_is_answered_by_a_line(demo_server: str) -> None:
    """A clear one; another line is a prompt for later. Permissions can be withdrawn."""
    set_up()
    command = ["-c", ASKING, "chat", "--endpoint", demo_server]
    with program(environment={"TERM": "dumb"}, command=command) as shown:
        shown.until(shown.shows("You: "))
        says(shown, "There is no tool 'calculater'", "/tools calculater\n")
        says(shown, "The model may call calculator.", "/tools calculator\n")
        says(shown, "Allow it? y: once", f"{QUESTION}\n")
        assert b"The model calls calculator: 47 * 86" in shown.drawn
        says(shown, "The question still waits", "/context\n")
        says(shown, "Result of calculator: 4042", "a\n")
        shown.until(shown.follows("47 * 86 = 4042."))
        assert [call.result for call in stored_turns()[-1].rounds[0].calls] == ["4042"]
        assert (data_directory() / "grants.json").exists()
        says(shown, "1: calculator, always", "/tools\n")
        says(shown, "calculator needs your permission again.", "/withdraw 1\n")
        says(shown, "Allow it? y: once", "/regenerate\n")
        says(shown, "Result of calculator: denied", "n not now\n")
        shown.until(shown.follows("End of the answer"))
        [call] = stored_turns()[-1].rounds[0].calls
        assert call.read.endswith("not now")


def test_in_a_pipe_nobody_is_there(demo_server: str) -> None:
    """So the call is denied, and the model answers without it."""
    set_up()
    ran = subprocess.run(
        [sys.executable, "-c", ASKING, "chat", "--plain", "--endpoint", demo_server],
        input=f"/tools calculator\n{QUESTION}\n",
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert "Result of calculator: denied" in ran.stdout
    assert "End of the answer" in ran.stdout
