"""What each kind of a model's name means to each command."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from localqwq.cli.main import main
from localqwq.locations import packs_directory, settings_file
from localqwq.models.in_store import name_in_store
from localqwq.models.spec import resolve
from localqwq.packs.catalogue import find
from localqwq.packs.store.store import Store
from tests.known_speeds import note_speeds

Names = Callable[[str], str]
UNKNOWN = "qwq-32b"
"""In the catalogue, and not installed."""
KINDS = ("path", "pack", "pack and quantization", "demo", "catalogue")
NAMES_OF_OTHERS = {
    "ollama": ("qwq:32b", "qwq-32b is not installed"),
    "ollama's prefix": ("ollama:qwq", "qwq-32b is not installed"),
    "case": ("QWQ-32B", "QWQ-32B is not installed"),
    "hub": ("hf:someone/Some-GGUF", "hf:someone/Some-GGUF is not installed"),
    "address": ("hf.co/someone/Some-GGUF:Q4_K_M", "hf.co/someone/Some-GGUF:Q4_K_M is not"),
}


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


@pytest.mark.parametrize("kind", NAMES_OF_OTHERS)
@pytest.mark.parametrize("command", ["ask", "bench", "models show", "plan", "verify"])
def test_names_that_others_give(
    command: str, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """They are understood by all commands, and those that need the file say how to get it."""
    note_speeds()
    name, said = NAMES_OF_OTHERS[kind]
    words = ["models", "verify"] if command == "verify" else COMMANDS[command]
    code = main([*words, name])
    shown = capsys.readouterr()
    if command in ("plan", "models show") and kind not in ("hub", "address"):
        assert code == 0, shown.err
        return
    assert code == 1
    assert said in shown.err
    assert "localqwq pull " in shown.err


def test_what_was_pulled_from_a_hub(name_of: Names, capsys: pytest.CaptureFixture[str]) -> None:
    """The repository's name means the pack that is from there."""
    manifest = packs_directory() / "tiny" / "pack.toml"
    text = manifest.read_text(encoding="utf-8")
    text = re.sub('^source = ".*"', 'source = "someone/Tiny-GGUF"', text, flags=re.MULTILINE)
    manifest.write_text(text, encoding="utf-8")
    assert name_in_store(Store(packs_directory()), "hf:someone/Tiny-GGUF") == "tiny"
    assert name_in_store(Store(packs_directory()), "hf.co/someone/Tiny-GGUF:Q8_0") == "tiny:Q8_0"
    assert main(["models", "verify", "hf:someone/Tiny-GGUF:Q8_0"]) == 0
    assert capsys.readouterr().out.startswith("tiny:Q8_0  ok")


def test_the_default_model_has_any_of_these_names(
    name_of: Names, capsys: pytest.CaptureFixture[str]
) -> None:
    """The settings understand what commands do, and say how to get what is not installed."""
    store = Store(packs_directory())
    shutil.move(packs_directory() / "tiny", packs_directory() / UNKNOWN)
    folder = packs_directory() / UNKNOWN
    manifest = folder / "pack.toml"
    manifest.write_text(manifest.read_text("utf-8").replace("tiny", UNKNOWN), "utf-8")
    for path in folder.glob("tiny-*"):
        path.rename(folder / path.name.replace("tiny", UNKNOWN))
    path = settings_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    quant = name_of("pack and quantization").partition(":")[2]
    for name in ("qwq:32b", "QWQ-32B", "qwq-32b", "ollama:qwq", f"qwq-32b:{quant}"):
        path.write_text(f'model = "{name}"\n', encoding="utf-8")
        assert resolve(None).name == UNKNOWN
        assert main(["models", "--json"]) == 0
        document = json.loads(capsys.readouterr().out)
        assert [one["name"] for one in document["installed"] if one["default"]] == [UNKNOWN]
    assert resolve(None).quant == quant
    store.remove(UNKNOWN)
    assert main(["ask", "Hi"]) == 1
    assert f"localqwq pull {UNKNOWN}" in capsys.readouterr().err


def test_the_name_is_one_of_the_catalogue() -> None:
    """So that the table has all kinds."""
    assert find(UNKNOWN) is not None
