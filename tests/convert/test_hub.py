"""Checkpoints from the hub: the real client, a real server on loopback, real interruptions."""

import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from localqwq_convert.hub.fetch import HubId, parse_hub_id
from tests.checkpoints import make_checkpoint
from tests.hub_server import Hub, serving

REPOSITORY = "someone/Tiny-Model"
FETCH = """
import sys
from localqwq.errors import LocalqwqError
from localqwq_convert.hub.fetch import fetch, parse_hub_id
calls = []
try:
    fetched = fetch(parse_hub_id(sys.argv[1]), lambda done, total: calls.append((done, total)))
except LocalqwqError as error:
    print(error)
    sys.exit(1)
print(fetched.directory, fetched.revision, *(calls[-1] if calls else (0, 0)))
print(all(a[0] <= b[0] for a, b in zip(calls, calls[1:])))
"""

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def hub() -> Iterator[Hub]:
    """An empty hub."""
    with serving() as hub:
        yield hub


@pytest.fixture
def published(hub: Hub, tmp_path: Path) -> str:
    """The commit of a sharded checkpoint on the hub, with files that no conversion needs."""
    folder = make_checkpoint(tmp_path / "published", shards=2)
    (folder / "README.md").write_text("---\nlicense: apache-2.0\n---\n")
    (folder / "pytorch_model.bin").write_bytes(b"pickle")
    (folder / "consolidated.safetensors").write_bytes(b"again")
    return hub.publish(REPOSITORY, folder)


@pytest.fixture
def run(hub: Hub, tmp_path: Path) -> Run:
    """Runs a program with this hub and a cache of its own; the client reads both at its import."""

    def start(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        inherited = {key: os.environ[key] for key in os.environ if not key.startswith("HF_")}
        environment = {
            **inherited,
            "HF_ENDPOINT": hub.url,
            "HF_HOME": str(tmp_path / "hf"),
            "NO_PROXY": "127.0.0.1",
            **variables,
        }
        return subprocess.run(
            [sys.executable, *words],
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return start


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("Qwen/QwQ-32B", HubId("Qwen/QwQ-32B", "main")),
        ("Qwen/QwQ-32B@v1.0", HubId("Qwen/QwQ-32B", "v1.0")),
        ("Qwen/QwQ-32B@refs/pr/1", HubId("Qwen/QwQ-32B", "refs/pr/1")),
        ("QwQ-32B", None),
        ("a/b/c", None),
        ("/tmp/model", None),
        ("./model", None),
        ("../model", None),
        ("~/model", None),
        ("Qwen/", None),
        ("Qwen/QwQ 32B", None),
        ("Qwen/QwQ-32B@", None),
    ],
)
def test_what_is_an_id(text: str, meaning: HubId | None) -> None:
    """Owner and name, perhaps a revision; what can only be a path is none."""
    assert parse_hub_id(text) == meaning


def test_only_what_is_needed_and_only_once(hub: Hub, published: str, run: Run) -> None:
    """Neither pickles nor doubles come, nothing is told about us, and the cache is used."""
    first = run("-c", FETCH, REPOSITORY)
    assert first.returncode == 0, first.stdout + first.stderr
    assert first.stderr == ""
    directory, commit, done, total = first.stdout.splitlines()[0].split()
    assert first.stdout.splitlines()[1] == "True"
    assert commit == Path(directory).name == published
    assert done == total
    assert int(total) == sum(path.stat().st_size for path in Path(directory).iterdir())
    assert {path.name for path in Path(directory).iterdir()} == {
        "README.md", "config.json", "generation_config.json", "model-00001-of-00002.safetensors",
        "model-00002-of-00002.safetensors", "model.safetensors.index.json", "tokenizer.json",
        "tokenizer_config.json",
    }  # fmt: skip
    assert not any("agent" in request or "telemetry" in request for request in hub.requests)
    count = len(hub.downloads())
    again = run("-c", FETCH, f"{REPOSITORY}@main")
    assert again.stdout.split()[:4] == [directory, commit, "0", "0"]
    assert len(hub.downloads()) == count


def test_without_the_hub(hub: Hub, published: str, run: Run) -> None:
    """What is in the cache is enough, by branch and by commit; what is not there is a sentence."""
    missing = run("-c", FETCH, REPOSITORY, HF_HUB_OFFLINE="1")
    assert "HF_HUB_OFFLINE is set" in missing.stdout
    online = run("-c", FETCH, REPOSITORY)
    offline = run("-c", FETCH, REPOSITORY, HF_HUB_OFFLINE="1")
    assert offline.stdout.split()[:2] == online.stdout.split()[:2]
    dead = run("-c", FETCH, f"{REPOSITORY}@{published}", HF_ENDPOINT="http://127.0.0.1:9")
    assert dead.stdout.split()[:2] == online.stdout.split()[:2]
    other = run("-c", FETCH, "someone/else", HF_ENDPOINT="http://127.0.0.1:9")
    assert other.returncode == 1
    assert "no folder someone/else here, and the hub cannot be reached" in other.stdout


def test_a_lost_connection_goes_on_where_it_was(hub: Hub, tmp_path: Path, run: Run) -> None:
    """The rest comes by range (the client keeps whole 10 MiB), and the bytes are right."""
    folder = tmp_path / "large"
    folder.mkdir()
    content = bytes(range(256)) * (21 << 12)
    (folder / "model.safetensors").write_bytes(content)
    hub.publish(REPOSITORY, folder)
    hub.cut["model.safetensors"] = 15 << 20
    fetched = run("-c", FETCH, REPOSITORY)
    assert fetched.returncode == 0, fetched.stdout + fetched.stderr
    assert any(request.endswith(f"safetensors bytes={10 << 20}-") for request in hub.requests)
    directory, _, done, total = fetched.stdout.splitlines()[0].split()
    assert done == total == str(len(content))
    assert (Path(directory) / "model.safetensors").read_bytes() == content


def test_a_killed_download_keeps_finished_files(hub: Hub, published: str, run: Run) -> None:
    """The second run fetches only what the first one did not finish."""
    killing = "import os; " + FETCH.replace("import sys\n", "import sys, os\n", 1).replace(
        "calls.append((done, total))", "done > total // 2 and os._exit(9)"
    )
    assert run("-c", killing, REPOSITORY).returncode == 9
    first = hub.downloads()
    finished = run("-c", FETCH, REPOSITORY)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    second = hub.downloads()[len(first) :]
    assert second
    assert set(first[:-1]).isdisjoint(second)
    assert {*first, *second} >= {"config.json", "model-00002-of-00002.safetensors"}


def test_a_moved_branch_brings_the_new_files(
    hub: Hub, published: str, run: Run, tmp_path: Path
) -> None:
    """Only files that changed come again, and the old commit can still be named."""
    run("-c", FETCH, REPOSITORY)
    folder = make_checkpoint(tmp_path / "newer", shards=2)
    (folder / "generation_config.json").write_text('{"temperature": 0.7}')
    commit = hub.publish(REPOSITORY, folder)
    before = len(hub.downloads())
    assert run("-c", FETCH, REPOSITORY).stdout.split()[1] == commit != published
    assert hub.downloads()[before:] == ["generation_config.json"]
    assert run("-c", FETCH, f"{REPOSITORY}@{published}").stdout.split()[1] == published


def test_what_the_hub_refuses_is_a_sentence(
    hub: Hub, published: str, run: Run, tmp_path: Path
) -> None:
    """No such repository or revision, a gated one, one of pickles, a broken hub."""
    pickles = tmp_path / "pickles"
    pickles.mkdir()
    (pickles / "config.json").write_text("{}")
    (pickles / "pytorch_model.bin").touch()
    hub.publish("someone/pickles", pickles)
    hub.publish("someone/gated", hub.commits[REPOSITORY][published])
    hub.gated.add("someone/gated")
    for spec, words in (
        ("someone/missing", "no folder someone/missing here and no such model on the hub"),
        (f"{REPOSITORY}@nowhere", "has no revision nowhere"),
        ("someone/pickles", "no safetensors files on the hub"),
        ("someone/gated", "is gated: accept its terms"),
        ("some..one/-x", "nor a valid hub id"),
    ):
        result = run("-c", FETCH, spec)
        assert (result.returncode, result.stderr) == (1, "")
        assert words in result.stdout
        assert len(result.stdout.splitlines()) == 1
    hub.status = 503
    assert "hub answers 503" in run("-c", FETCH, REPOSITORY).stdout


def test_the_command_takes_an_id(hub: Hub, published: str, run: Run, tmp_path: Path) -> None:
    """One command from an id to a pack that says which commit it was made from."""
    output = tmp_path / "pack"
    words = ["-m", "localqwq", "convert", REPOSITORY, "-o", str(output), "--quant", "Q8_0"]
    result = run(*words)
    assert result.returncode == 0, result.stderr
    manifest = tomllib.loads((output / "pack.toml").read_text())
    assert manifest["name"] == "tiny-model"
    assert (manifest["source"], manifest["source_revision"]) == (REPOSITORY, published)
    assert (output / "tiny-model-Q8_0.gguf").is_file()


def test_a_dry_run_needs_the_headers_alone(
    hub: Hub, published: str, run: Run, tmp_path: Path
) -> None:
    """The sizes to the byte, after asking for less than the weights' first hundredth."""
    output = tmp_path / "pack"
    words = ["-m", "localqwq", "convert", REPOSITORY, "-o", str(output), "--quant", "Q8_0"]
    planned = run(*words, "--dry-run", "--json")
    assert planned.returncode == 0, planned.stderr
    shards = [request for request in hub.requests if request.endswith("safetensors")]
    assert shards == []
    parts = [request for request in hub.requests if ".safetensors bytes=" in request]
    assert len(parts) == 4
    assert all(int(part.rpartition("-")[2]) < 10_000 for part in parts)
    assert run(*words).returncode == 0
    [made] = json.loads(planned.stdout)["outputs"]
    assert (output / "tiny-model-Q8_0.gguf").stat().st_size == made["bytes"]
    count = len(hub.downloads())
    assert run(*words, "--dry-run").returncode == 0
    assert len(hub.downloads()) == count
