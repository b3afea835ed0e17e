"""The command `localqwq convert`, and the demo that it makes."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from localqwq.cli.main import main
from localqwq.gguf.facts import read_facts
from localqwq.gguf.header import read_header
from localqwq.locations import packs_directory
from localqwq.models.demo import install_demo
from localqwq.packs.manifest import SUMS_NAME, read_manifest
from localqwq.packs.store.store import Store
from tests.checkpoints import make_checkpoint, tensor_shapes, write_json, write_tokenizer
from tests.inhibiting import put_on_path

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
    assert set(report["outputs"][0]) >= {
        "quant", "path", "bytes", "sha256", "tensors", "bits_per_weight",
    }  # fmt: skip
    assert Path(report["outputs"][0]["path"]) == output / "small-model-Q8_0.gguf"


def test_the_machine_stays_awake_meanwhile(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As long as it takes."""
    log = put_on_path(tmp_path, monkeypatch)
    arguments = ["--quant", "Q4_K_M", "--threads", "1", "--json"]
    assert main(["convert", str(checkpoint), "-o", str(tmp_path / "pack"), *arguments]) == 0
    assert log.exists()


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


def test_quantizations_by_comma(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One argument for several, mixed with several arguments; each is made once."""
    arguments = ["--quant", "q8_0, Q4_K_M,", "--quant", "BF16", "--quant", "Q8_0", "--dry-run"]
    assert main(["convert", str(checkpoint), "-o", str(tmp_path / "pack"), *arguments]) == 0
    rows = [line.split()[0] for line in capsys.readouterr().out.splitlines() if ".gguf" in line]
    assert rows == ["Q8_0", "Q4_K_M", "BF16"]


def test_all_that_can_be_said(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Names, types, parts and threads reach the files; a dry run tells their sizes to the byte."""
    output = tmp_path / "pack"
    arguments = [
        "--quant", "Q8_0", "--name", "mine", "--rope", "native", "--threads", "2",
        "--tensor-type", "ffn_down=Q6_K", "--tensor-type", "attn_v=F16", "--split-max-size", "1M",
        "--quantized-by", "Ada", "--resume",
    ]  # fmt: skip
    command = ["convert", str(checkpoint), "-o", str(output), *arguments]
    assert main([*command, "--dry-run"]) == 0
    planned = [line.split() for line in capsys.readouterr().out.splitlines() if ".gguf" in line]
    assert not output.exists()
    assert main(command) == 0
    shown = capsys.readouterr().out
    parts = sorted(output.glob("*.gguf"))
    assert len(parts) > 1
    assert [(row[1], row[2]) for row in planned] == [
        (part.name, f"{part.stat().st_size:,}") for part in parts
    ]
    manifest = read_manifest(output)
    assert [file.path for file in manifest.parts("Q8_0")] == [part.name for part in parts]
    assert all(file.sha256[:12] in shown for file in manifest.files)
    types: dict[str, str] = {}
    for part in parts:
        header = read_header(part)
        types |= {tensor.name: tensor.type for tensor in header.tensors}
    assert types["blk.0.ffn_down.weight"] == "Q6_K"
    assert types["blk.1.attn_v.weight"] == "F16"
    assert read_header(parts[0]).metadata["general.quantized_by"] == "Ada"
    sums = (output / SUMS_NAME).read_text().split()
    assert sums[1::2] == [part.name for part in parts]


@pytest.mark.parametrize(
    "arguments",
    [
        ["--split-max-size", "0G"],
        ["--split-max-size", "lots"],
        ["--split-max-size", "-1G"],
        ["--threads", "many"],
        ["--threads", "0"],
        ["--rope", "long"],
    ],
)
def test_wrong_usage(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    """Exit 2 with the usage."""
    assert main(["convert", str(checkpoint), "-o", str(tmp_path / "pack"), *arguments]) == 2
    assert capsys.readouterr().err.startswith("usage: localqwq convert")


@pytest.mark.parametrize("resume", [False, True])
def test_interrupted(checkpoint: Path, tmp_path: Path, resume: bool) -> None:
    """Ctrl-C in the middle: exit 130, one line, no file under a final name."""
    program = (
        "import os, signal, sys; from localqwq.cli.main import main;"
        "from localqwq.cli.progress import ByteProgress;"
        "ByteProgress.__call__ = lambda *at: os.kill(os.getpid(), signal.SIGINT);"
        "sys.exit(main(sys.argv[1:]))"
    )
    output = tmp_path / "pack"
    arguments = ["convert", str(checkpoint), "-o", str(output), *(["--resume"] if resume else [])]
    command = [sys.executable, "-c", program, *arguments]
    child = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert child.returncode == 130, child.stderr
    assert child.stdout == ""
    [line] = child.stderr.splitlines()
    assert line.startswith("interrupted: ")
    assert bool(list(output.iterdir())) == resume
    assert not list(output.glob("*.gguf"))
    assert main(arguments) == 0
    assert len(list(output.glob("*.gguf"))) == 1
    assert not list(output.glob(".*"))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--quant", "Q9"], "There is no quantization 'Q9': choose from BF16"),
        (["--quant", "IQ2_XS"], "IQ2_XS needs an importance matrix"),
        (["--name", "a/b"], "cannot be named"),
        (["--imatrix", "missing.gguf"], "missing.gguf"),
        (["--tensor-type", "attn_v"], "write PATTERN=TYPE"),
        (["--tensor-type", "attn_v=Q9"], "There is no tensor type 'Q9'"),
        (["--split-max-size", "1M", "--quant", "F32", "--tensor-type", "x"], "PATTERN=TYPE"),
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


def test_what_is_no_checkpoint(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A missing folder, other files, an empty folder: what to name instead."""
    gguf = tmp_path / "model.gguf"
    gguf.write_bytes(b"GGUF")
    pickle = tmp_path / "model.bin"
    pickle.write_bytes(b"GGUF")
    empty = tmp_path / "empty"
    empty.mkdir()
    for path, words in (
        (tmp_path / "missing", "does not exist"),
        (gguf, "is truncated"),
        (pickle, "is a file: name the directory"),
        (empty, "no config.json"),
    ):
        assert main(["convert", str(path), "-o", str(tmp_path / "pack")]) == 1
        assert words in capsys.readouterr().err


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
    monkeypatch.setattr("localqwq.models.demo.demo_checkpoint", lambda: checkpoint)
    return checkpoint


def test_the_demo_is_made_once(demo: Path) -> None:
    """The pack is complete, and a second call changes nothing."""
    store = packs_directory()
    pack = install_demo(store)
    assert pack == store / "demo"
    assert {model.spec for model in Store(store).installed()} == {"demo:Q8_0", "demo:Q4_K_M"}
    before = (pack / "pack.toml").stat()
    assert install_demo(store) == pack
    assert (pack / "pack.toml").stat() == before
    assert not list(store.glob(".*"))


def test_the_demo_follows_its_checkpoint(demo: Path) -> None:
    """Other weights, or a lost file, make the pack anew."""
    store = packs_directory()
    install_demo(store)
    first = read_manifest(store / "demo")
    make_checkpoint(demo, seed=7)
    install_demo(store)
    second = read_manifest(store / "demo")
    assert {file.sha256 for file in first.files}.isdisjoint(file.sha256 for file in second.files)
    (store / "demo" / "demo-Q8_0.gguf").unlink()
    install_demo(store)
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
        "from localqwq.models.demo import install_demo; install_demo(Path(sys.argv[2]))"
    )
    arguments = [sys.executable, "-c", program, str(root / "models" / "demo"), str(store)]
    children = [subprocess.Popen(arguments) for _ in range(2)]
    assert [child.wait(60) for child in children] == [0, 0]
    assert all(check.problem is None for check in Store(store).verify("demo"))
    assert [path.name for path in store.iterdir()] == ["demo"]
    shutil.rmtree(store)
