"""``localqwq models``, and what MODEL means."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from localqwq.cli.main import main
from localqwq.cli.model import launch, resolve
from localqwq.errors import LocalqwqError
from localqwq.locations import packs_directory

KEYS = ["name", "quant", "path", "bytes", "architecture", "parameters", "context", "default"]


@pytest.fixture
def tiny(demo_pack: Path, tmp_path: Path) -> Path:
    """The demo's files as a pack of another name."""
    directory = tmp_path / "tiny"
    directory.mkdir()
    text = (demo_pack / "pack.toml").read_text(encoding="utf-8")
    (directory / "pack.toml").write_text(text.replace("demo", "tiny"), encoding="utf-8")
    for path in demo_pack.glob("*.gguf"):
        shutil.copy(path, directory / path.name.replace("demo", "tiny"))
    return directory


def listed(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """What ``models --json`` says is installed."""
    capsys.readouterr()
    assert main(["models", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert list(document) == ["installed", "catalogue"]
    assert document["catalogue"] == []
    installed: list[dict[str, Any]] = document["installed"]
    return installed


def test_demo_is_always_listed(capsys: pytest.CaptureFixture[str]) -> None:
    """Before its first use it is there by name, afterwards with its files."""
    [entry] = listed(capsys)
    assert (entry["name"], entry["path"], entry["default"]) == ("demo", None, True)
    assert main(["models"]) == 0
    shown = capsys.readouterr().out
    assert "built in" in shown
    assert str(packs_directory()) in shown
    resolve("demo")
    entries = listed(capsys)
    assert {(entry["name"], entry["quant"]) for entry in entries} == {
        ("demo", "Q8_0"),
        ("demo", "Q4_K_M"),
    }
    for entry in entries:
        assert list(entry)[: len(KEYS)] == KEYS
        assert Path(entry["path"]).stat().st_size == entry["bytes"]
    assert [entry["quant"] for entry in entries if entry["default"]] == ["Q8_0"]


def test_a_life_of_a_pack(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Added, listed as the default, shown, verified, removed in two steps."""
    assert main(["models", "add", str(tiny)]) == 0
    assert "added tiny:Q8_0" in capsys.readouterr().out
    by_default = [entry["name"] for entry in listed(capsys) if entry["default"]]
    assert by_default == ["tiny"]
    assert main(["models"]) == 0
    assert "tiny:Q4_K_M" in capsys.readouterr().out
    assert main(["models", "show", "tiny"]) == 0
    assert "sha256" in capsys.readouterr().out
    assert main(["models", "verify", "tiny"]) == 0
    assert capsys.readouterr().out.count(" ok\n") == 2
    assert main(["models", "remove", "tiny:Q8_0"]) == 0
    assert main(["models", "remove", "tiny"]) == 0
    assert [entry["name"] for entry in listed(capsys)] == ["demo"]


def test_add_one_file(demo_gguf: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A single GGUF file is a pack of one, named after the file."""
    path = tmp_path / "my-model-q8_0.gguf"
    shutil.copy(demo_gguf, path)
    assert main(["models", "add", str(path)]) == 0
    assert "added my-model:Q8_0" in capsys.readouterr().out
    assert resolve("my-model").spec == "my-model:Q8_0"


def test_verify_finds_damage(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A wrong byte is exit 1 with the file's name and the way out."""
    assert main(["models", "add", str(tiny)]) == 0
    path = resolve("tiny:Q8_0").path
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.unlink()
    path.write_bytes(content)
    capsys.readouterr()
    assert main(["models", "verify", "tiny"]) == 1
    captured = capsys.readouterr()
    assert "tiny:Q4_K_M  ok" in captured.out
    assert captured.err.startswith("error: tiny:Q8_0 is damaged")


@pytest.mark.parametrize("action", ["show", "verify", "remove"])
def test_unknown_names(action: str, capsys: pytest.CaptureFixture[str]) -> None:
    """One sentence and exit 1."""
    assert main(["models", action, "nothing"]) == 1
    assert capsys.readouterr().err.startswith("error: There is no pack named nothing")


def test_resolving_names(tiny: Path) -> None:
    """Without a quantization the largest that fits; without a name the largest pack."""
    assert main(["models", "add", str(tiny)]) == 0
    assert resolve("tiny").spec == "tiny:Q8_0"
    assert resolve("tiny:q4_k_m").spec == "tiny:Q4_K_M"
    assert resolve(None).spec == "tiny:Q8_0"
    with pytest.raises(LocalqwqError, match="has no Q2_K: it has Q8_0, Q4_K_M"):
        resolve("tiny:Q2_K")
    with pytest.raises(LocalqwqError, match="installed: tiny"):
        resolve("unknown")


def test_resolving_nothing_at_all() -> None:
    """With nothing installed it is the demo, made on the spot."""
    assert resolve(None).spec == "demo:Q8_0"
    assert resolve("demo:Q4_K_M").spec == "demo:Q4_K_M"


def test_resolving_paths(
    demo_gguf: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A path is that file; a folder, an absent or a foreign file is a sentence."""
    found = resolve(str(demo_gguf))
    assert (found.path, found.spec) == (demo_gguf, "demo:Q8_0")
    foreign = tmp_path / "foreign.gguf"
    foreign.write_bytes(b"GGUF?")
    for spec, words in (
        (str(tmp_path), "is a folder"),
        (str(tmp_path / "absent.gguf"), "There is no file"),
        ("absent.gguf", "There is no file absent.gguf"),
        (str(foreign), "foreign.gguf"),
    ):
        with pytest.raises(LocalqwqError, match=words):
            resolve(spec)


def test_a_folder_named_without_a_separator(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is no pack but lies in the present folder is taken for that."""
    (tmp_path / "out").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(LocalqwqError, match="out is a folder"):
        resolve("out")


def test_launching(demo_gguf: Path) -> None:
    """What the server is told: the file, its name, a context and threads that fit."""
    found = launch(resolve(str(demo_gguf)), 512)
    assert (found.model, found.name, found.context) == (demo_gguf, "demo:Q8_0", 512)
    assert found.threads is not None
    assert found.threads >= 1
    with pytest.raises(LocalqwqError, match="choose at most"):
        launch(resolve(str(demo_gguf)), 1 << 24)
