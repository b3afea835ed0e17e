"""What a command line means whose first word is no command."""

from pathlib import Path

import pytest

from localqwq.cli.first_word import UnknownCommandError, with_command
from localqwq.cli.main import COMMANDS, main


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("", "chat"),
        ("serve demo", "serve demo"),
        ("--version", "--version"),
        ("--continue", "chat --continue"),
        ("--endpoint http://127.0.0.1:1/v1", "chat --endpoint http://127.0.0.1:1/v1"),
        ("-m demo", "chat -m demo"),
        ("demo", "chat demo"),
        ("demo:Q8_0 --ctx 512", "chat demo:Q8_0 --ctx 512"),
        ("qwq-32b", "chat qwq-32b"),
        ("QwQ-32B:Q4_K_M", "chat QwQ-32B:Q4_K_M"),
        ("some/where/file.gguf", "chat some/where/file.gguf"),
        ("run", "chat"),
        ("run qwq-32b", "chat qwq-32b"),
        ("run qwq-32b Hello there", "ask -m qwq-32b Hello there"),
        ("list", "models"),
        ("ls --json", "models --json"),
        ("rm demo", "models remove demo"),
        ("show demo", "models show demo"),
        ("models list --json", "models --json"),
        ("models rm demo", "models remove demo"),
        ("models pull qwq-32b", "pull qwq-32b"),
        ("help", "--help"),
        ("help serve", "serve --help"),
        ("help run", "chat --help"),
        ("help ls", "models --help"),
        ("help models show", "models show --help"),
        ("version", "--version"),
    ],
)
def test_what_is_meant(typed: str, meant: str) -> None:
    """The command that does it."""
    assert with_command(typed.split(), COMMANDS) == meant.split()


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("convrt", "did you mean convert?"),
        ("modles", "did you mean models?"),
        ("rnu", "did you mean run?"),
        ("qwq-32", "did you mean qwq-32b?"),
        ("settings", "/settings"),
        ("config", "/settings"),
        ("What is 12 + 30?", 'localqwq ask "…"'),
        ("zzz", "localqwq --help"),
        ("", "localqwq --help"),
    ],
)
def test_what_nobody_knows(word: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A sentence leads on."""
    with pytest.raises(UnknownCommandError, match=r".") as error:
        with_command([word], COMMANDS)
    assert said in str(error.value)
    assert main([word]) == 2
    assert capsys.readouterr().err.startswith("usage: localqwq")


def test_an_installed_pack(home: Path) -> None:
    """Its name opens the app."""
    (home / "data" / "packs" / "mine").mkdir(parents=True)
    assert with_command(["mine"], COMMANDS) == ["chat", "mine"]


@pytest.mark.parametrize("command", ["chat", "ask", "serve", "bench", "plan"])
def test_the_model_by_an_option(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Every command takes -m; a model that is named twice is wrong usage."""
    words = ["Hi"] if command == "ask" else ["--plain"] if command == "chat" else []
    assert main([command, *words, "-m", "no-such-model"]) == 1
    assert "no-such-model" in str(capsys.readouterr())
    assert main([command, *words, "-m", "one", "--model", "two"]) == 2
    assert "two models are named" in capsys.readouterr().err


def test_an_unknown_option(capsys: pytest.CaptureFixture[str]) -> None:
    """The usage is the command's own, and a question behind a model leads on."""
    assert main(["ask", "Hi", "--ngl", "99"]) == 2
    assert capsys.readouterr().err.startswith("usage: localqwq ask")
    assert main(["demo", "What is 12 + 30?"]) == 2
    assert "`localqwq ask -m demo …`" in capsys.readouterr().err
    assert main(["help", "foo"]) == 2
    assert "There is no command foo" in capsys.readouterr().err


def test_the_demo_that_is_not_made_yet(capsys: pytest.CaptureFixture[str]) -> None:
    """It can be neither removed nor pulled."""
    assert main(["rm", "demo"]) == 1
    assert "built in" in capsys.readouterr().err
    assert main(["pull", "demo"]) == 1
    assert "built in" in capsys.readouterr().err
    assert main(["pull", " "]) == 1
    assert "No model is named" in capsys.readouterr().err


def test_a_key_is_asked_for_before_a_model_is_loaded(capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody waits for a large one in vain."""
    assert main(["serve", "demo", "--host", "0.0.0.0"]) == 1
    shown = capsys.readouterr()
    assert "a key is needed" in shown.err
    assert "Loading" not in shown.err
