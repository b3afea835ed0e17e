"""Offline means offline: once a pack is there, no command opens a connection to anywhere.

The commands run with a hook that every process started from them has, too: it writes down and
refuses whatever is no Unix socket. Where the system allows it, they also run without any network,
which no library of another language gets around.
"""

import os
import pty
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest

from localqwq.locations import demo_checkpoint, packs_directory
from localqwq.packs.store.store import Store
from tests.known_speeds import note_speeds
from tests.offline import cut_off, refused, run, without_network
from tests.packs.renamed import renamed
from tests.tui.test_terminal import READY

PROMPT = "What is 12 + 30?"
SPEC = "qwq-32b:Q4_K_M"


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """For processes that may not connect."""
    return cut_off(tmp_path)


@pytest.fixture
def installed(demo_pack: Path, tmp_path: Path) -> str:
    """A model of the catalogue's, by its name, as far as anybody can tell from its manifest."""
    pack = renamed(demo_pack, tmp_path / "pack", SPEC.partition(":")[0])
    Store(packs_directory()).add(pack)
    return SPEC


def test_no_command_connects(installed: str, environment: dict[str, str], tmp_path: Path) -> None:
    """With a pack of the catalogue installed, whatever can be done with it is done here."""
    note_speeds()
    commands = [
        ["models"],
        ["models", "show", installed],
        ["models", "verify", installed],
        ["pull", installed],
        ["plan", installed],
        ["doctor", "--json"],
        ["ask", PROMPT, "-m", installed, "--max-tokens", "4"],
        ["publish", installed, "--to", "someone/QwQ-GGUF"],
        ["convert", str(demo_checkpoint()), "-o", str(tmp_path / "out"), "--dry-run"],
        ["models", "remove", installed],
    ]
    assert [code for code, _ in run(environment, *commands)] == [0] * len(commands)
    assert refused(environment) == []


def test_no_server_connects(installed: str, environment: dict[str, str], tmp_path: Path) -> None:
    """It loads, listens and answers without a network."""
    path = tmp_path / "socket"
    command = [sys.executable, "-m", "localqwq", "serve", installed, "--uds", str(path)]
    with subprocess.Popen(
        [*without_network(), *command, "--ctx", "256"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == f"listening on unix:{path}\n"
        transport = httpx2.HTTPTransport(uds=str(path))
        with httpx2.Client(transport=transport, base_url="http://localhost") as http:
            body = {"messages": [{"role": "user", "content": PROMPT}], "max_tokens": 2}
            answer = http.post("/v1/chat/completions", json=body, timeout=60)
        process.terminate()
        process.communicate(timeout=60)
    assert answer.json()["usage"]["completion_tokens"] == 2
    assert refused(environment) == []


def test_no_app_connects(environment: dict[str, str]) -> None:
    """It draws, loads the demo and offers a prompt."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "localqwq", "chat", "demo", "--ctx", "256"]
    with subprocess.Popen(
        [*without_network(), *command],
        env=environment,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    ) as process:
        os.close(theirs)
        drawn = b""
        while READY not in drawn:
            try:
                drawn += os.read(ours, 4096)
            except OSError:  # the app has ended
                pytest.fail(drawn.decode(errors="replace"))
        os.close(ours)
        process.wait(60)
    assert refused(environment) == []


def test_the_hook_sees_connections(environment: dict[str, str], tmp_path: Path) -> None:
    """A command that does need the hub is refused, and says so in a sentence."""
    command = ["convert", "someone/model", "-o", str(tmp_path / "x"), "--dry-run"]
    assert run(environment, command) == [(1, "")]
    assert refused(environment)
