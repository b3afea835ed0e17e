"""The command `localqwq convert`, and the demo that it makes."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from localqwq.cli import convert as command
from localqwq.cli.main import main
from localqwq.gguf.facts import read_facts
from localqwq.locations import packs_directory
from localqwq.packs.manifest import read_manifest
from localqwq.packs.store import Store
from tests.checkpoints import make_checkpoint, tensor_shapes, write_json, write_tokenizer

QWQ_CONFIG = {
    "architectures": ["Qwen2ForCausalLM"],
    "hidden_size": 5120,
    "intermediate_size": 27648,
    "max_position_embeddings": 40960,
    "num_attention_heads": 40,
    "num_hidden_layers": 64,
    "num_key_value_heads": 8,
    "rms_norm_eps": 1e-5,
    "rope_theta": 1000000.0,
    "tie_word_embeddings": False,
    "vocab_size": 152064,
}


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """A small checkpoint."""
    return make_checkpoint(tmp_path / "Small Model")


def test_json_is_the_only_output(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One document with the keys that scripts rely on."""
    output = tmp_path / "pack"
    arguments = ["--quant", "q8_0", "--quant", "Q4_K_M", "--threads", "1", "--json"]
    assert main(["convert", str(checkpoint), "-o", str(output), *arguments]) == 0
    report = json.loads(capsys.readouterr().out)
    assert set(report) == {"architecture", "parameters", "outputs", "seconds", "peak_rss"}
    assert [made["quant"] for made in report["outputs"]] == ["Q8_0", "Q4_K_M"]
    assert set(report["outputs"][0]) == {
        "quant", "path", "bytes", "sha256", "tensors", "bits_per_weight",
    }  # fmt: skip
    assert Path(report["outputs"][0]["path"]) == output / "small-model-Q8_0.gguf"


def test_the_plain_report_names_the_next_step(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Q4_K_M is the default, and the pack can be installed as it is."""
    output = tmp_path / "pack"
    assert main(["convert", str(checkpoint), "-o", str(output)]) == 0
    shown = capsys.readouterr().out
    assert "small-model-Q4_K_M.gguf" in shown
    assert f"localqwq models add {output}" in shown
    [model] = Store(packs_directory()).add(output)
    assert read_facts(model.path).quant == "Q4_K_M"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--quant", "Q9"], "There is no quantization 'Q9': choose from BF16"),
        (["--threads", "0"], "0 threads"),
        (["--name", "a/b"], "cannot have the name"),
    ],
)
def test_failures_are_one_line(
    checkpoint: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    words: str,
) -> None:
    """Exit 1, one sentence, nothing written."""
    assert main(["convert", str(checkpoint), "-o", str(tmp_path / "pack"), *arguments]) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("error: ")
    assert words in shown.err
    assert shown.err.count("\n") == 1
    assert not (tmp_path / "pack").exists()


def test_a_dry_run_of_a_checkpoint_of_qwqs_shape(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The published sizes, from headers alone: the 65 GB of weights are a hole in the file."""
    checkpoint = tmp_path / "QwQ-32B"
    checkpoint.mkdir()
    write_json(checkpoint / "config.json", QWQ_CONFIG)
    write_tokenizer(checkpoint)
    header, offset = {}, 0
    for name, shape in tensor_shapes(QWQ_CONFIG).items():
        size = 2 * shape[0] * (shape[1] if len(shape) > 1 else 1)
        header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(header).encode()
    with (checkpoint / "model.safetensors").open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        file.truncate(8 + len(text) + offset)
    arguments = ["--quant", "Q4_K_M", "--quant", "Q8_0", "--dry-run", "--json"]
    assert main(["convert", str(checkpoint), "-o", str(tmp_path / "pack"), *arguments]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["parameters"] == 32_763_876_352
    assert [made["tensors"] for made in report["outputs"]] == [771, 771]
    sizes = [made["bits_per_weight"] * report["parameters"] / 8 for made in report["outputs"]]
    assert sizes[0] / 2**20 == pytest.approx(18926.01, abs=0.2)
    assert sizes[1] / 2**20 == pytest.approx(33202.08, abs=0.2)
    assert not (tmp_path / "pack").exists()


@pytest.fixture
def demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small checkpoint in the place of the demo's."""
    checkpoint = make_checkpoint(tmp_path / "models" / "demo")
    monkeypatch.setattr("localqwq.locations.demo_checkpoint", lambda: checkpoint)
    return checkpoint


def test_the_demo_is_made_once(demo: Path) -> None:
    """The pack is complete, and a second call changes nothing."""
    store = packs_directory()
    pack = command.install_demo(store)
    assert pack == store / "demo"
    assert {model.spec for model in Store(store).installed()} == {"demo:Q8_0", "demo:Q4_K_M"}
    before = (pack / "pack.json").stat()
    assert command.install_demo(store) == pack
    assert (pack / "pack.json").stat() == before
    assert not list(store.glob(".*"))


def test_the_demo_follows_its_checkpoint(demo: Path) -> None:
    """Other weights, or a lost file, make the pack anew."""
    store = packs_directory()
    command.install_demo(store)
    first = read_manifest(store / "demo")
    make_checkpoint(demo, seed=7)
    command.install_demo(store)
    second = read_manifest(store / "demo")
    assert {file.sha256 for file in first.files}.isdisjoint(file.sha256 for file in second.files)
    (store / "demo" / "demo-Q8_0.gguf").unlink()
    command.install_demo(store)
    assert read_manifest(store / "demo") == second
    assert all(check.problem is None for check in Store(store).verify("demo"))


def test_two_processes_make_the_demo_at_once(tmp_path: Path) -> None:
    """Both end well, and the pack is whole."""
    root = tmp_path / "program"
    make_checkpoint(root / "models" / "demo")
    store = tmp_path / "packs"
    program = (
        "import sys; from pathlib import Path; import localqwq.locations as locations;"
        "locations.demo_checkpoint = lambda: Path(sys.argv[1]);"
        "from localqwq.cli.convert import install_demo; install_demo(Path(sys.argv[2]))"
    )
    arguments = [sys.executable, "-c", program, str(root / "models" / "demo"), str(store)]
    children = [subprocess.Popen(arguments) for _ in range(2)]
    assert [child.wait(60) for child in children] == [0, 0]
    assert all(check.problem is None for check in Store(store).verify("demo"))
    assert [path.name for path in store.iterdir()] == ["demo"]
    shutil.rmtree(store)
