"""``localqwq pull``: what it prints, its exit codes, and a model that answers afterwards."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from localqwq.cli.main import main
from localqwq.locations import packs_directory
from localqwq.packs.download.unfinished import unfinished
from tests.hub_server import Fault, Hub, serving
from tests.known_speeds import note_speeds

FILE = "tiny-Q8_0.gguf"


@pytest.fixture
def hub(demo_pack: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A hub with the demo's files under another name."""
    folder = tmp_path / "published"
    folder.mkdir()
    for quant in ("Q8_0", "Q4_K_M"):
        shutil.copy(demo_pack / f"demo-{quant}.gguf", folder / f"tiny-{quant}.gguf")
    with serving() as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        monkeypatch.setenv("HF_TOKEN", "hf_not_a_login")
        hub.publish("someone/tiny-GGUF", folder)
        yield hub


def test_pull_and_pull_again(hub: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    """It says what it chose and why, what is there now, and how to talk to it."""
    assert main(["pull", "hf:someone/tiny-GGUF"]) == 0
    shown = capsys.readouterr()
    assert shown.out == "installed tiny:Q8_0 (2.7 MiB): localqwq chat tiny:Q8_0\n"
    assert "Q8_0 (2.7 MiB) suits this machine best of 2 quantizations" in shown.err
    assert main(["pull", "hf:someone/tiny-GGUF:Q8_0", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["fetched"] == 0
    [model] = document["installed"]
    assert model["bytes"] == Path(model["path"]).stat().st_size


def test_what_fails_is_one_line(hub: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a traceback, without a token, and nothing on stdout."""
    hub.always[FILE] = Fault(wrong=(1,))
    assert main(["pull", "hf:someone/tiny-GGUF:Q8_0"]) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert [line for line in shown.err.splitlines() if line.startswith("error: ")]
    assert "SHA-256" in shown.err
    assert "hf_not_a_login" not in shown.err
    assert main(["pull", "--from", "huggingface"]) == 2


def test_ctrl_c_keeps_what_came(hub: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    """Interrupted while the server is silent: 130 at once, it is listed, and a pull goes on."""
    hub.faults[FILE] = [Fault(hold=1_000_000)]
    command = [sys.executable, "-m", "localqwq", "pull", "hf:someone/tiny-GGUF:Q8_0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        while not unfinished(packs_directory()):
            assert process.poll() is None
            hub.go_on.wait(0.01)  # nobody sets it: a pause
        hub.go_on.wait(1)  # until all that the server sends is there
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert said.splitlines()[-1].endswith("run the same command again to resume")
    hub.go_on.set()
    note_speeds()
    capsys.readouterr()
    assert main(["models"]) == 0
    lines = capsys.readouterr().out.splitlines()
    [number] = [i for i, line in enumerate(lines) if line.startswith("Unfinished downloads")]
    assert lines[number + 1].startswith("  tiny:Q8_0  9")
    assert main(["pull", "hf:someone/tiny-GGUF:Q8_0"]) == 0
    assert not list(packs_directory().glob(".downloads/*"))


def test_what_has_come_can_be_removed(hub: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever does not want the rest gets the room back."""
    hub.faults[FILE] = [Fault(cut=1_000_000), Fault(status=404)]
    assert main(["pull", "hf:someone/tiny-GGUF:Q8_0"]) == 1
    assert main(["models", "remove", "tiny:Q4_K_M"]) == 1
    assert main(["pull", "hf:someone/tiny-GGUF:Q4_K_M"]) == 0
    capsys.readouterr()
    assert main(["models", "remove", "tiny:Q8_0"]) == 0
    assert capsys.readouterr().out.startswith("removed the unfinished download of tiny:Q8_0: 9")
    assert not list(packs_directory().glob(".downloads/*"))
    assert main(["models", "verify", "tiny"]) == 0


def test_what_was_pulled_answers(hub: Hub) -> None:
    """The way from a repository to an answer."""
    assert main(["pull", "hf:someone/tiny-GGUF:Q8_0"]) == 0
    asking = ["ask", "What is 12 + 30?", "-m", "tiny:Q8_0", "--temperature", "0"]
    ran = subprocess.run(
        [sys.executable, "-m", "localqwq", *asking],
        env=os.environ | {"HF_ENDPOINT": "http://127.0.0.1:9"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert "42" in ran.stdout
