"""A model that is not here yet is offered by the commands that need it."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from localqwq.cli.main import main
from localqwq.locations import config_directory
from tests.hub_server import Hub, serving
from tests.packs.test_pull_sources import ENTRY
from tests.pseudo_terminal import program


@pytest.fixture
def hub(demo_pack: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A hub with the demo as the model of an entry that the person has added."""
    folder = tmp_path / "published"
    folder.mkdir()
    shutil.copy(demo_pack / "demo-Q8_0.gguf", folder / "tiny-Q8_0.gguf")
    entries = config_directory() / "catalogue"
    entries.mkdir(parents=True)
    (entries / "tiny.toml").write_text(ENTRY)
    with serving() as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        hub.publish("someone/Tiny-GGUF", folder)
        yield hub


@pytest.mark.parametrize("command", ["ask", "serve", "bench"])
def test_without_a_terminal(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """One line says how large it is, how it would run, and what downloads it."""
    words = ["Hi"] if command == "ask" else []
    assert main([command, *words, "-m", "QwQ-32B:Q8_0"]) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("error: QwQ-32B is not installed: Q8_0 is 32.4 GiB; here: ")
    assert line.endswith("`localqwq pull QwQ-32B:Q8_0` downloads it.")


def test_no_thanks() -> None:
    """Nothing is downloaded, and the command for later is told."""
    with program("serve", "qwq-32b:Q8_0") as shown:
        shown.until(shown.shows("[y/N]"))
        shown.write(b"\r")
        shown.until(shown.has_ended)
        assert shown.process.returncode == 1
        assert b"`localqwq pull qwq-32b:Q8_0`" in shown.drawn.replace(b"\r\n", b" ")


def test_yes_please(hub: Hub) -> None:
    """It is downloaded, and answers."""
    with program("ask", "Hi", "-m", "tiny:Q8_0", "--max-tokens", "4") as shown:
        shown.until(shown.shows("[y/N]"))
        shown.write(b"y\r")
        shown.until(shown.has_ended)
        assert shown.process.returncode == 0, shown.drawn
