"""The command itself: what it prints, how it fails, and how little it loads."""

import argparse
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from localqwq import __version__
from localqwq.cli import doctor
from localqwq.cli.main import COMMANDS, main
from localqwq.errors import LocalqwqError

HEAVY = ("llama_cpp", "textual", "httpx2", "starlette", "numpy", "pydantic")


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Callable[[BaseException], int]:
    """Runs a command that ends with this exception, and returns the exit code."""

    def run(error: BaseException) -> int:
        def raise_it(arguments: argparse.Namespace) -> int:
            raise error

        monkeypatch.setattr(doctor, "run", raise_it)
        return main(["doctor"])

    return run


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    """Name and version, on stdout."""
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"localqwq {__version__}\n"


def test_help_says_what_serve_without_a_model_does(capsys: pytest.CaptureFixture[str]) -> None:
    """It serves all; other commands take one."""
    for name, default in (("serve", "all installed ones"), ("chat", "the model in the settings")):
        assert main([name, "--help"]) == 0
        shown = " ".join(capsys.readouterr().out.split())
        assert shown.count("(default: the model in the settings,") == (name == "chat")
        assert f"NAME:QUANT, or demo (default: {default}" in shown


def test_help_lists_all_commands(capsys: pytest.CaptureFixture[str]) -> None:
    """Each with its line."""
    assert main(["--help"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert all(f"{name} {line}" in shown for name, line in COMMANDS.items())


@pytest.mark.parametrize("name", COMMANDS)
def test_commands_have_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Every command can be imported and explains itself."""
    assert main([name, "--help"]) == 0
    assert f"usage: localqwq {name}" in capsys.readouterr().out


@pytest.mark.parametrize("words", [["--version"], ["--help"], ["ask", "--help"]])
def test_little_is_loaded(words: list[str]) -> None:
    """Neither llama.cpp nor the app nor the client: these answer at once."""
    code = (
        "import sys; from localqwq.cli.main import main; code = main(sys.argv[2:]);"
        "sys.exit(code or bool(set(sys.argv[1].split(',')) & set(sys.modules)))"
    )
    command = [sys.executable, "-c", code, ",".join(HEAVY), *words]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def test_package_is_a_command() -> None:
    """``python -m localqwq`` is the same program."""
    command = [sys.executable, "-m", "localqwq", "--version"]
    assert subprocess.check_output(command, text=True) == f"localqwq {__version__}\n"


@pytest.mark.parametrize("words", [["unknown"], ["--unknown"], ["models", "unknown"], ["convert"]])
def test_wrong_usage(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 2, with the usage on stderr."""
    assert main(words) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("usage: localqwq")


def test_errors_for_people(
    failing: Callable[[BaseException], int], capsys: pytest.CaptureFixture[str]
) -> None:
    """One line on stderr, whatever the sentence holds, and exit 1."""
    assert failing(LocalqwqError("No \x1b[31mfile\nhere.")) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "error: No [31mfile here.\n"


def test_file_errors(
    failing: Callable[[BaseException], int], capsys: pytest.CaptureFixture[str]
) -> None:
    """What the system refuses is a matter for people, too."""
    assert failing(PermissionError(13, "Permission denied", "/srv/x")) == 1
    assert capsys.readouterr().err == "error: /srv/x: Permission denied.\n"


@pytest.mark.parametrize("error", [ValueError("a\nb"), OSError("a b")])
def test_internal_errors(
    error: Exception,
    failing: Callable[[BaseException], int],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """No traceback, but how to get one."""
    assert failing(error) == 1
    hint = "(set LOCALQWQ_DEBUG=1 for the traceback)"
    expected = f"error: internal error: {type(error).__name__}: a b {hint}\n"
    assert capsys.readouterr().err == expected


def test_debugging(
    failing: Callable[[BaseException], int],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """LOCALQWQ_DEBUG=1 adds the traceback."""
    monkeypatch.setenv("LOCALQWQ_DEBUG", "1")
    assert failing(LocalqwqError("No file.")) == 1
    captured = capsys.readouterr().err
    assert captured.startswith("Traceback")
    assert captured.endswith("error: No file.\n")


def test_interrupted(failing: Callable[[BaseException], int]) -> None:
    """Ctrl+C is exit 130."""
    assert failing(KeyboardInterrupt()) == 130


def test_interrupted_within_code_from_a_string(tmp_path: Path) -> None:
    """Python itself would end by the signal, since it takes that interrupt for unhandled."""
    (tmp_path / "as_module.py").write_text(
        "import sys; from localqwq.cli import main\n"
        "main._run = lambda _: exec('raise KeyboardInterrupt')\n"
        "sys.exit(main.main([]))"
    )
    command = [sys.executable, "-m", "as_module"]
    assert subprocess.run(command, cwd=tmp_path, check=False).returncode == 130


def test_reader_that_goes_away() -> None:
    """A closed pipe ends the command without a word."""
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "localqwq", "doctor"]
    child = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, check=False)
    os.close(write)
    assert child.returncode == 1
    assert child.stderr == b""
