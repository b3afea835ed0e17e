"""What each kind of a model's name means to each command."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from localqwq.cli.main import main
from localqwq.packs.catalogue import find
from tests.known_speeds import note_speeds

Names = Callable[[str], str]
UNKNOWN = "qwq-32b"
"""In the catalogue, and not installed."""
KINDS = ("path", "pack", "pack and quantization", "demo", "catalogue")


@pytest.fixture
def name_of(demo_pack: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Names:
    """Installs a pack of two quantizations; returns a name of each kind."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    text = (demo_pack / "pack.toml").read_text(encoding="utf-8")
    (folder / "pack.toml").write_text(text.replace("demo", "tiny"), encoding="utf-8")
    for path in demo_pack.glob("*.gguf"):
        shutil.copy(path, folder / path.name.replace("demo", "tiny"))
    file = sorted(folder.glob("*.gguf"))[0]
    quant = file.stem.removeprefix("tiny-")
    assert main(["models", "add", str(folder)]) == 0
    capsys.readouterr()
    note_speeds()
    names = {
        "path": str(file),
        "pack": "tiny",
        "pack and quantization": f"tiny:{quant}",
        "demo": "demo",
        "catalogue": UNKNOWN,
    }
    return names.__getitem__


def served(name: str) -> tuple[int, str]:
    """Starts a server until it listens; returns its exit code, 0 for one that does."""
    command = [sys.executable, "-m", "localqwq", "serve", name, "--port", "0", "--ctx", "512"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        assert server.stderr is not None
        if server.stdout.readline().startswith("listening on "):
            server.terminate()
            return 0, server.communicate()[1]
        return server.wait(), server.stderr.read()


def talked_with(name: str) -> tuple[int, str]:
    """Asks something and leaves; returns the exit code, and what was said."""
    command = [sys.executable, "-m", "localqwq", "chat", "--plain", name]
    done = subprocess.run(command, input="Hi\n", capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


COMMANDS = {
    "ask": ["ask", "Hi", "--max-tokens", "1", "--json", "-m"],
    "plan": ["plan", "--json"],
    "bench": ["bench", "--prompt", "8", "--generate", "1", "--repeat", "1", "--json"],
    "models show": ["models", "show"],
    "serve": [],
    "chat": [],
}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_name_means_the_same_everywhere(
    command: str, kind: str, name_of: Names, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is found by all commands; one that has to be downloaded is planned and shown, and
    refused with the command that downloads it by those that need the file."""
    name = name_of(kind)
    out = ""
    if command == "serve":
        code, said = served(name)
    elif command == "chat":
        code, said = talked_with(name)
    else:
        code = main([*COMMANDS[command], name])
        out, said = capsys.readouterr()
    if kind == "catalogue" and command not in ("plan", "models show"):
        assert code or command == "chat"  # which keeps the prompt, and is left in order
        assert f"localqwq pull {UNKNOWN}" in said
        return
    assert code == 0, said
    assert command in ("serve", "chat") or out


def test_the_name_is_one_of_the_catalogue() -> None:
    """So that the table has all kinds."""
    assert find(UNKNOWN) is not None
