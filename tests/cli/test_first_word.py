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
        ("help", "--help"),
        ("help serve", "serve --help"),
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
        ("qwq-32", "did you mean qwq-32b?"),
        ("ps", "nothing runs in the background"),
        ("stop", "nothing runs in the background"),
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
