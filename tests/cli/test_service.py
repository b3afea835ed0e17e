"""The service file of `serve`: what it runs, where it lies, and that it goes again."""

import plistlib
import shlex
import stat
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localqwq.cli import service
from localqwq.cli.main import command_parser, main
from localqwq.cli.service import launchd_agent, systemd_unit
from localqwq.errors import LocalqwqError

WORD = st.text(st.characters(exclude_categories=("C", "Z"), include_characters=" "), min_size=1)


@pytest.fixture(autouse=True)
def own_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home directory of its own, on any system."""
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / ".config"))
    return home


def words_of_unit(text: str) -> list[str]:
    """The command of a unit, as systemd reads it: its quotes are the shell's."""
    [line] = [line for line in text.splitlines() if line.startswith("ExecStart=")]
    words = shlex.split(line.removeprefix("ExecStart="))
    return [word.replace("$$", "$").replace("%%", "%") for word in words]


@given(st.lists(WORD, min_size=1))
def test_a_unit_holds_any_words(words: list[str]) -> None:
    """Nothing in them means something to systemd."""
    assert words_of_unit(systemd_unit(words, {}).decode()) == words


def test_a_unit_holds_no_line_breaks() -> None:
    """They would begin another setting."""
    with pytest.raises(LocalqwqError, match="control characters"):
        systemd_unit(["a\nExecStop=b"], {})


@given(st.lists(WORD, min_size=1), st.dictionaries(WORD, WORD))
def test_an_agent_holds_any_words(words: list[str], environment: dict[str, str]) -> None:
    """As launchd's own format has them."""
    agent = plistlib.loads(launchd_agent(words, environment))
    assert (agent["ProgramArguments"], agent["EnvironmentVariables"]) == (words, environment)


@pytest.mark.parametrize("platform", ["linux", "darwin"])
def test_installed_and_removed(
    platform: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same options as on the command line, in a file that only its owner reads."""
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setenv("LOCALQWQ_API_KEY", "secret")
    options = ["demo", "--port=9", "--api-key=$ %", "--allow-origin=https://a", "--uds=s"]
    assert main(["serve", *options, "--allow-origin=https://b", "--install-service"]) == 0
    assert "Start it with: " in capsys.readouterr().out
    path = service.service_file()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    if platform == "linux":
        text = path.read_text(encoding="utf-8")
        words = words_of_unit(text)
        assert 'Environment="LOCALQWQ_API_KEY=secret"' in text
    else:
        words = plistlib.loads(path.read_bytes())["ProgramArguments"]
    assert words[:4] == [sys.executable, "-m", "localqwq", "serve"]
    parsed = command_parser().parse_args(words[3:])
    assert (parsed.model, parsed.port, parsed.api_key) == ("demo", 9, "$ %")
    assert parsed.allow_origin == ["https://a", "https://b"]
    assert parsed.uds == Path("s").absolute()
    assert not parsed.install_service
    assert main(["serve", "--remove-service"]) == 0
    assert not path.exists()


def test_a_model_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    """Is named now, and not in a log later."""
    assert main(["serve", "no-such-model", "--install-service"]) == 1
    assert "no-such-model" in capsys.readouterr().err
    assert not service.service_file().exists()


def test_nothing_to_remove(capsys: pytest.CaptureFixture[str]) -> None:
    """One line says so."""
    assert main(["serve", "--remove-service"]) == 1
    assert capsys.readouterr().err.startswith("error: No service is installed")
