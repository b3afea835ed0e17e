"""``localqwq publish``: the real client against a hub on loopback; nothing goes unasked."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from localqwq.cli.main import main
from localqwq.packs.manifest import Manifest, PackFile, read_manifest, write_manifest
from localqwq.packs.publish.card import MARK
from localqwq.packs.recording import record
from tests.hub_server import serving
from tests.hub_uploads import READER, TOKEN, Uploads, taking_uploads
from tests.measured import figures

REPOSITORY = "someone/tiny-GGUF"
PROGRAM = """
import os, sys
from localqwq.cli.main import main
for token in sys.argv[1].split(","):
    os.environ["HF_TOKEN"] = token
    code = main(sys.argv[2:])
sys.exit(code)
"""
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def uploads(tmp_path: Path) -> Iterator[Uploads]:
    """A hub that takes uploads."""
    with serving() as hub, taking_uploads(hub, tmp_path / "uploaded") as uploads:
        yield uploads


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    """A pack of two files; publishing looks at no header, so they are not models."""
    return make_pack(tmp_path / "tiny", "Q8_0", "Q4_K_M")


def make_pack(directory: Path, *quants: str, parameters: int = 1568) -> Path:
    """A folder with a manifest and a file of 20,000 bytes for each quantization."""
    directory.mkdir()
    files = []
    for quant in quants:
        path = directory / f"tiny-{quant}.gguf"
        path.write_bytes(quant.encode() * (20_000 // len(quant)))
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        size = path.stat().st_size
        files.append(
            PackFile(quant=quant, path=path.name, bytes=size, sha256=digest, bits_per_weight=8)
        )
    manifest = Manifest(
        name="tiny", architecture="qwen2", parameters=parameters, context=2048, files=files
    )
    write_manifest(directory, manifest)
    return directory


@pytest.fixture
def run(uploads: Uploads, tmp_path: Path) -> Run:
    """Runs the command with this hub; the client reads its endpoint when it is imported.

    For several tokens it runs several times.
    """

    def start(
        *words: str,
        tokens: str = TOKEN,
        meanwhile: Callable[[subprocess.Popen[str]], None] = lambda process: None,
    ) -> subprocess.CompletedProcess[str]:
        inherited = {key: os.environ[key] for key in os.environ if not key.startswith("HF_")}
        environment = {
            **inherited,
            "HF_ENDPOINT": uploads.url,
            "HF_HOME": str(tmp_path / "hf"),
            "HF_HUB_DISABLE_XET": "1",
            "NO_PROXY": "127.0.0.1",
            "AI_AGENT": "somebody",  # what the client would ask the hub about
        }
        command = [sys.executable, "-c", PROGRAM, tokens, "publish", *words]
        with subprocess.Popen(
            command,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            meanwhile(process)
            stdout, stderr = process.communicate(timeout=120)
        return subprocess.CompletedProcess(command, process.returncode, stdout, stderr)

    return start


def digests(pack: Path) -> list[str]:
    """The SHA-256 of a pack's files."""
    return [file.sha256 for file in read_manifest(pack).files]


def test_nothing_is_sent_unasked(pack: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without --yes it shows files and card, and does not even load the client."""
    loaded = "huggingface_hub" in sys.modules
    assert main(["publish", str(pack), "--to", REPOSITORY]) == 0
    shown = capsys.readouterr().out
    for words in (f"public repository {REPOSITORY}", "tiny-Q8_0.gguf", "# tiny", "Nothing was"):
        assert words in shown
    assert main(["publish", str(pack), "--to", REPOSITORY, "--dry-run", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["published"], document["url"]) == (False, None)
    assert [file["sha256"] for file in document["files"]] == digests(pack)
    assert ("huggingface_hub" in sys.modules) == loaded


def test_publishing_and_again(pack: Path, uploads: Uploads, run: Run, tmp_path: Path) -> None:
    """The repository is a pack; a second run sends nothing large, another quantization joins.

    The picture and the figures of what was measured go with it.
    """
    record(pack, figures("Q8_0", "Q4_K_M"))
    ran = run(str(pack), "--to", REPOSITORY, "--yes")
    assert ran.returncode == 0, ran.stderr
    assert f"{uploads.url}/{REPOSITORY}/commit/" in ran.stdout
    assert TOKEN not in ran.stdout + ran.stderr
    files = uploads.files(REPOSITORY)
    assert set(files) == {path.name for path in pack.iterdir()} | {"README.md", "quality.svg"}
    assert b"quality.svg" in files["README.md"]
    assert files["quality.svg"].startswith(b"<svg")
    for path in pack.iterdir():
        assert files[path.name] == path.read_bytes()
    assert MARK.encode() in files["README.md"]
    assert uploads.sent == digests(pack)
    assert uploads.repositories == {REPOSITORY: False}
    assert not [request for request in uploads.hub.requests if "agent" in request]

    folder = uploads.hub.commits[REPOSITORY][uploads.hub.branches[REPOSITORY]["main"]]
    (folder / "README.md").write_text("My own words.")
    more = make_pack(tmp_path / "more", "Q5_K_M", "Q8_0")
    assert run(str(more), "--to", REPOSITORY, "--yes").returncode == 0
    assert uploads.sent == [*digests(pack), digests(more)[0]]
    files = uploads.files(REPOSITORY)
    manifest = Manifest.model_validate(tomllib.loads(files["pack.toml"].decode()))
    assert set(manifest.quants) == {"Q8_0", "Q4_K_M", "Q5_K_M"}
    assert all(name in files for name in (file.path for file in manifest.files))
    assert {one.quant for one in manifest.figures.quality} == {"Q4_K_M"}  # another Q8_0
    assert files["README.md"] == b"My own words."


def test_repositories_of_other_models(
    pack: Path, uploads: Uploads, run: Run, tmp_path: Path
) -> None:
    """They are left alone, and so is one whose manifest is none."""
    other = make_pack(tmp_path / "other", "Q8_0", parameters=5)
    uploads.hub.publish(REPOSITORY, other)
    uploads.repositories[REPOSITORY] = False
    ran = run(str(pack), "--to", REPOSITORY, "--yes")
    assert (ran.returncode, uploads.sent) == (1, [])
    assert f"error: {REPOSITORY} holds a different model, tiny" in ran.stderr


def test_a_killed_run_goes_on(pack: Path, uploads: Uploads, run: Run) -> None:
    """Killed in the second file: the first is not sent again. A repository is made private."""
    uploads.held, uploads.parts = 1, 7_000

    def kill(process: subprocess.Popen[str]) -> None:
        assert uploads.holding.wait(60)
        process.kill()

    words = (str(pack), "--to", REPOSITORY, "--yes", "--private")
    assert run(*words, meanwhile=kill).returncode == -9
    uploads.held = None
    uploads.go_on.set()
    assert uploads.sent == digests(pack)[:1]
    ran = run(*words)
    assert ran.returncode == 0, ran.stderr
    assert uploads.sent == digests(pack)
    assert uploads.repositories == {REPOSITORY: True}


def test_when_the_hub_fails(pack: Path, uploads: Uploads, run: Run) -> None:
    """A card of one's own that the hub does not take, and a failing hub: a sentence each."""
    (pack / "README.md").write_text("---\nlicense: nonsense\n---\n")
    uploads.lost = 1
    ran = run(str(pack), "--to", REPOSITORY, "--yes")
    assert ran.stderr.splitlines()[-1].startswith("error: The hub rejects the YAML block")
    (pack / "README.md").write_text("---\nlicense: mit\n---\nMine.\n")
    ran = run(str(pack), "--to", REPOSITORY, "--yes", tokens=f"{TOKEN},{TOKEN}")
    assert ran.returncode == 0
    assert "error: The hub answers 503" in ran.stderr
    assert uploads.sent == digests(pack)
    assert uploads.files(REPOSITORY)["README.md"] == (pack / "README.md").read_bytes()


def test_logins(pack: Path, uploads: Uploads, run: Run) -> None:
    """None, an unknown one, one that may not write: a sentence each, and no token in it."""
    ran = run(str(pack), "--to", REPOSITORY, "--yes", tokens=f",hf_unknown,{READER}")
    assert ran.returncode == 1
    assert [line.partition(":")[0] for line in ran.stderr.splitlines()] == ["error"] * 3
    nobody, unknown, reader = ran.stderr.splitlines()
    assert "Nobody is logged in" in nobody
    assert "does not accept the login" in unknown
    assert f"does not let you write to {REPOSITORY}" in reader
    assert "hf_" not in ran.stdout + ran.stderr
    assert uploads.repositories == {}


def test_what_is_no_pack(pack: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Damage is found before anything is sent; a wrong name is a sentence."""
    path = pack / "tiny-Q8_0.gguf"
    content = path.read_bytes()

    def refused(*words: str) -> str:
        assert main(["publish", *words]) == 1
        return capsys.readouterr().err

    for name in ("someone", "some one/x", "../x", "a/b/c", "a/b--c", "https://x/y"):
        assert "is not a repository" in refused(str(pack), "--to", name)
    path.write_bytes(content[:-1] + b"?")
    assert "tiny-Q8_0.gguf is not the file" in refused(str(pack), "--to", REPOSITORY, "--yes")
    path.write_bytes(content[:-1])
    assert "tiny-Q8_0.gguf is not the file" in refused(str(pack), "--to", REPOSITORY)
    path.unlink()
    assert "tiny-Q8_0.gguf is missing" in refused(str(pack), "--to", REPOSITORY)
    shutil.rmtree(pack)
    assert "is not a pack" in refused(str(pack), "--to", REPOSITORY)
    assert "no pack named tiny" in refused("tiny", "--to", REPOSITORY)


def test_an_installed_pack(demo_pack: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is named as everywhere, with or without a quantization."""
    assert main(["models", "add", str(demo_pack)]) == 0
    capsys.readouterr()
    for name, count in (("demo", 2), ("demo:Q4_K_M", 1)):
        assert main(["publish", name, "--to", REPOSITORY, "--json"]) == 0
        assert len(json.loads(capsys.readouterr().out)["files"]) == count
