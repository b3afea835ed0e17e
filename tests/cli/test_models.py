"""``localqwq models``, and what MODEL means."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from localqwq.cli.main import main
from localqwq.errors import LocalqwqError
from localqwq.locations import packs_directory
from localqwq.models.launch_options import LaunchOptions
from localqwq.models.launching import launch
from localqwq.models.spec import resolve
from localqwq.packs.recording import record
from localqwq.packs.store.store import Store
from tests.embedding_models import make_embedding_model
from tests.known_speeds import note_speeds
from tests.measured import figures

KEYS = ["name", "quant", "path", "bytes", "architecture", "parameters", "context", "default"]


@pytest.fixture(autouse=True)
def speeds() -> None:
    """The machine has been measured."""
    note_speeds()


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
    assert list(document) == ["installed", "catalogue", "found", "unfinished"]
    installed: list[dict[str, Any]] = document["installed"]
    return installed


def test_demo_is_always_listed(capsys: pytest.CaptureFixture[str]) -> None:
    """Before its first use it is there by name, afterwards with its files."""
    [entry] = listed(capsys)
    assert (entry["name"], entry["path"], entry["default"]) == ("demo", None, True)
    assert main(["models"]) == 0
    shown = capsys.readouterr().out
    assert "demo *" in shown
    assert "built in" in shown
    assert "This machine: " in shown
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
    record(tiny, figures("Q8_0"))
    assert main(["models", "add", str(tiny)]) == 0
    assert "added tiny:Q8_0" in capsys.readouterr().out
    assert main(["models"]) == 0
    shown = capsys.readouterr().out
    assert "tiny:Q8_0 *" in shown
    assert "tiny:Q4_K_M" in shown
    assert main(["models", "show", "tiny"]) == 0
    shown = capsys.readouterr().out
    assert "sha256" in shown
    assert shown.count("  measured: ") == 3
    assert "measured: 75.0% right (60.0% to 86.0%) in aime24" in shown
    assert main(["models", "verify", "tiny"]) == 0
    assert capsys.readouterr().out.count(" ok\n") == 2
    tiny.joinpath("tiny-Q8_0.gguf").unlink()
    assert main(["models", "remove", "tiny:Q8_0"]) == 0
    assert capsys.readouterr().out == "removed tiny:Q8_0: 2.7 MiB freed\n"
    assert main(["models", "remove", "tiny"]) == 0
    assert "0 B freed; files used in place" in capsys.readouterr().out
    assert Store(packs_directory()).installed() == []


def test_a_model_for_embeddings(
    demo_gguf: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Is listed and shown as one, and not used when no model is named, though it is larger."""
    model = make_embedding_model(tmp_path, layers=8)
    assert main(["models", "add", str(model), "--name", "vectors"]) == 0
    assert main(["models", "add", str(demo_gguf), "--name", "talker"]) == 0
    capsys.readouterr()
    assert main(["models"]) == 0
    shown = capsys.readouterr().out
    assert "for embeddings" in shown
    assert "talker:Q8_0 *" in shown
    assert main(["models", "show", "vectors"]) == 0
    shown = capsys.readouterr().out
    assert "a text's last token" in shown
    assert "chat template" not in shown


def test_add_one_file(demo_gguf: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A single GGUF file is a pack of one, named after the file."""
    path = tmp_path / "my-model-q8_0.gguf"
    shutil.copy(demo_gguf, path)
    assert main(["models", "add", str(path)]) == 0
    assert "added my-model:Q8_0" in capsys.readouterr().out
    assert resolve("my-model").spec == "my-model:Q8_0"


def test_add_a_folder_of_files(
    demo_pack: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a manifest, each model in it is added, under one name if that is wanted."""
    folder = tmp_path / "files"
    folder.mkdir()
    for path in demo_pack.glob("*.gguf"):
        shutil.copy(path, folder / path.name.replace("demo", "mine"))
    assert main(["models", "add", str(folder), "--name", "other"]) == 0
    capsys.readouterr()
    specs = [model.spec for model in Store(packs_directory()).installed()]
    assert specs == ["other:Q8_0", "other:Q4_K_M"]
    assert main(["models", "add", str(tmp_path)]) == 1
    assert "is not a pack" in capsys.readouterr().err
    assert main(["models", "add", str(demo_pack), "--name", "third"]) == 0
    assert "added third:Q8_0" in capsys.readouterr().out
    assert main(["models", "verify", "third"]) == 0
    assert main(["ask", "Hi", "-m", "third:Q8_0", "--max-tokens", "1"]) == 0
    assert main(["models", "add", str(demo_pack), "--name", "a/b"]) == 1
    assert "a/b" in capsys.readouterr().err


def test_add_a_folder_with_other_things(
    demo_gguf: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What runs is added, what does not is listed, and the exit code says so."""
    folder = tmp_path / "downloads"
    folder.mkdir()
    shutil.copy(demo_gguf, folder / "good-Q8_0.gguf")
    (folder / "broken.gguf").write_bytes(demo_gguf.read_bytes()[:5000])
    (folder / "pointer.gguf").write_text("version https://git-lfs.github.com/spec/v1\n")
    assert main(["models", "add", str(folder)]) == 1
    shown = capsys.readouterr()
    assert "added good:Q8_0" in shown.out
    assert "broken.gguf is truncated" in shown.err
    assert "pointer.gguf is a Git LFS pointer" in shown.err
    assert shown.err.splitlines()[-1].startswith("error: 2 files in ")
    assert [model.spec for model in Store(packs_directory()).installed()] == ["good:Q8_0"]


def test_what_other_programs_have(
    demo_gguf: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It is offered by name, used in place, and a file that has vanished is a sentence."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("OLLAMA_MODELS", str(tmp_path / "none"))
    assert main(["models", "add"]) == 0
    assert "Ollama, LM Studio and llama.cpp have no models" in capsys.readouterr().out
    path = tmp_path / ".lmstudio" / "models" / "someone" / "Tiny-GGUF" / "Tiny-Q8_0.gguf"
    path.parent.mkdir(parents=True)
    shutil.copy(demo_gguf, path)
    name = "lmstudio:someone/Tiny-GGUF/Tiny-Q8_0.gguf"
    assert main(["models", "add"]) == 0
    assert f"{name}  2.7 MiB  (LM Studio)" in capsys.readouterr().out
    assert main(["models", "--json"]) == 0
    [found] = json.loads(capsys.readouterr().out)["found"]
    assert found["name"] == name
    assert main(["models", "add", name]) == 0
    assert "added Tiny:Q8_0" in capsys.readouterr().out
    installed = resolve("Tiny").path
    assert installed.samefile(path)
    assert main(["models"]) == 0
    assert name not in capsys.readouterr().out
    installed.unlink()
    installed.symlink_to(path)
    path.unlink()
    with pytest.raises(LocalqwqError, match="Tiny:Q8_0 cannot be used, because the file"):
        resolve("Tiny")
    assert main(["models", "show", "Tiny"]) == 0
    assert "problem       the file that it used in place" in capsys.readouterr().out


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


def test_a_name_of_ollama(capsys: pytest.CaptureFixture[str]) -> None:
    """It is that of the same model here."""
    assert main(["models", "show", "qwq:32b"]) == 0
    assert "qwq-32b is not installed" in capsys.readouterr().out


def test_a_name_that_is_nearly_right(capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever writes a name as another program has it is told the one here."""
    assert main(["models", "show", "qwq:33b"]) == 1
    assert capsys.readouterr().err.endswith(" qwq:33b: did you mean qwq-32b?\n")


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
    """What is not a pack but lies in the present folder is taken for that."""
    (tmp_path / "out").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(LocalqwqError, match="out is a folder"):
        resolve("out")


def test_launching(demo_gguf: Path) -> None:
    """What the server is told: the file, its name, a context and threads that fit."""
    found = launch(resolve(str(demo_gguf)), LaunchOptions(512))
    assert (found.model, found.name, found.load.context) == (demo_gguf, "demo:Q8_0", 512)
    assert found.load.threads is not None
    assert found.load.threads >= 1
    with pytest.raises(LocalqwqError, match="choose at most"):
        launch(resolve(str(demo_gguf)), LaunchOptions(1 << 24))
