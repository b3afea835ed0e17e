"""Whole conversions: what they make, and what is left of one that fails."""

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from localqwq.errors import LocalqwqError
from localqwq.gguf.header import read_header
from localqwq.packs.manifest import read_manifest
from localqwq.packs.recording import record
from localqwq_convert import chunks
from localqwq_convert.checkpoint import open_checkpoint
from localqwq_convert.flow import default_threads
from localqwq_convert.pipeline import convert
from localqwq_convert.report import Progress
from tests.checkpoints import LLAMA3_SCALING, make_checkpoint, write_json, write_safetensors
from tests.convert.imatrices import write_imatrix
from tests.measured import figures

PLAIN = ("BF16", "F16", "F32", "Q8_0", "Q4_K_M", "Q2_K")
"""Some that need no importance matrix."""


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small checkpoint that no test changes."""
    return make_checkpoint(tmp_path_factory.mktemp("pipeline") / "small")


def names(directory: Path) -> list[str]:
    """Everything in a directory, hidden files too."""
    return sorted(path.name for path in directory.iterdir())


def test_the_report_and_the_manifest_are_true(checkpoint: Path, tmp_path: Path) -> None:
    """Sizes, hashes and counts are those of the files."""
    output = tmp_path / "new" / "pack"
    report = convert(checkpoint, output, PLAIN, name="Tiny-1")
    assert names(output) == sorted(
        [*(f"Tiny-1-{q}.gguf" for q in PLAIN), "SHA256SUMS", "pack.toml"]
    )
    for made in report.outputs:
        data = made.path.read_bytes()
        header = read_header(made.path)
        weights = sum(tensor.bytes for tensor in header.tensors)
        assert made.bytes == len(data)
        assert made.sha256 == hashlib.sha256(data).hexdigest()
        assert made.tensors == len(header.tensors) == 26
        assert made.tensor_bytes == weights
        assert made.bits_per_weight == pytest.approx(weights * 8 / report.parameters, abs=1e-3)
    manifest = read_manifest(output)
    assert (manifest.name, manifest.architecture, manifest.context) == ("Tiny-1", "qwen2", 2048)
    assert manifest.parameters == report.parameters
    assert manifest.source == "small"
    assert [(f.quant, f.path, f.bytes, f.sha256) for f in manifest.files] == [
        (made.quant, made.path.name, made.bytes, made.sha256) for made in report.outputs
    ]


def test_a_dry_run_tells_the_same_sizes_and_writes_nothing(
    checkpoint: Path, tmp_path: Path
) -> None:
    """Except for hash, time and memory, its report is the real one."""
    output = tmp_path / "pack"
    dry = convert(checkpoint, output, PLAIN, dry_run=True).as_dict()
    assert not output.exists()
    assert dry["seconds"] is dry["peak_rss"] is None
    real = convert(checkpoint, output, PLAIN).as_dict()
    for one, other in zip(dry["outputs"], real["outputs"], strict=True):
        parts = [part | {"sha256": None} for part in other["parts"]]
        assert one == other | {"sha256": None, "parts": parts}
    json.dumps(real)


def test_bytes_depend_on_nothing_but_the_checkpoint(checkpoint: Path, tmp_path: Path) -> None:
    """Threads, shards, and what else is written at the same time change nothing."""
    together = convert(checkpoint, tmp_path / "a", ["Q8_0", "Q4_K_M"], threads=3)
    shards = make_checkpoint(tmp_path / "small", shards=4, pair_merges=True)
    alone = convert(shards, tmp_path / "b", ["Q4_K_M"], threads=1)
    assert together.outputs[1].sha256 == alone.outputs[0].sha256


@pytest.mark.parametrize("elements", [1, 768, 5000])
def test_bytes_do_not_depend_on_chunks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, elements: int
) -> None:
    """Cut anywhere, rows come in the right order, also those that Llama has reordered."""
    source = make_checkpoint(
        tmp_path / "small", architecture="llama", config={"rope_scaling": LLAMA3_SCALING}
    )
    whole = convert(source, tmp_path / "whole", ["F32", "Q4_K_M"])
    monkeypatch.setattr(chunks, "_ELEMENTS", elements)
    small = convert(source, tmp_path / "small-chunks", ["F32", "Q4_K_M"], threads=3)
    assert [made.sha256 for made in small.outputs] == [made.sha256 for made in whole.outputs]


@pytest.mark.parametrize("dtype", ["BF16", "F16", "F32"])
def test_the_checkpoints_own_type_is_kept_bit_by_bit(tmp_path: Path, dtype: str) -> None:
    """A file of the same type holds the very same weights."""
    source = make_checkpoint(tmp_path / "small", dtype=dtype)
    convert(source, tmp_path, [dtype])
    path = tmp_path / f"small-{dtype}.gguf"
    tensor = next(t for t in read_header(path).tensors if t.name == "blk.1.ffn_down.weight")
    stored = path.read_bytes()[tensor.offset : tensor.offset + tensor.bytes]
    assert tensor.shape == (512, 256)
    assert stored in (source / "model.safetensors").read_bytes()


@pytest.mark.parametrize("names", ["vectors", "everything"])
def test_numbers_of_64_bits(tmp_path: Path, names: str) -> None:
    """Numpy's default type gets into files that people write by hand."""
    source = make_checkpoint(tmp_path / "small", dtype="F32")
    expected = convert(source, tmp_path / "pack", ["F32"]).outputs[0].sha256
    tensors: dict[str, tuple[str, NDArray[Any]]] = {}
    with open_checkpoint(source) as opened:
        opened.map_shards()
        for name, tensor in opened.tensors.items():
            rows = opened.rows(tensor, 0, tensor.shape[0] if len(tensor.shape) > 1 else 1)
            wide = names == "everything" or len(tensor.shape) == 1
            values = rows.astype(np.float64 if wide else np.float32).reshape(tensor.shape)
            tensors[name] = ("F64" if wide else "F32", values)
    write_safetensors(source / "model.safetensors", tensors)
    assert convert(source, tmp_path / "wide", ["F32"]).outputs[0].sha256 == expected


def test_progress_reaches_the_end(checkpoint: Path, tmp_path: Path) -> None:
    """Every tensor is reported, in the file's order, and the bytes grow to the total."""
    seen: list[Progress] = []
    report = convert(checkpoint, tmp_path, ["Q8_0"], progress=seen.append)
    order = [tensor.name for tensor in read_header(report.outputs[0].path).tensors]
    assert list(dict.fromkeys(state.tensor for state in seen)) == order
    done = [state.done_bytes for state in seen]
    assert done == sorted(set(done))
    assert done[-1] == seen[-1].total_bytes
    assert {state.skipped_bytes for state in seen} == {0}


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_a_conversion_that_breaks_off_leaves_the_old_files(
    checkpoint: Path, tmp_path: Path, error: type[BaseException]
) -> None:
    """No partial file stays, and existing outputs and manifest are untouched."""
    convert(checkpoint, tmp_path, ["Q8_0"])
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def break_off(state: Progress) -> None:
        if state.done_bytes > state.total_bytes / 2:
            raise error

    with pytest.raises(error):
        convert(checkpoint, tmp_path, ["Q8_0", "Q4_K_M"], progress=break_off)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_full_disk_ends_in_a_sentence(checkpoint: Path, tmp_path: Path) -> None:
    """A write that the system refuses leaves nothing behind."""
    program = (
        "import resource, sys; from pathlib import Path;"
        "from localqwq.cli.main import main;"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000));"
        "sys.exit(main(['convert', sys.argv[1], '-o', sys.argv[2]]))"
    )
    output = tmp_path / "pack"
    done = subprocess.run(
        [sys.executable, "-c", program, str(checkpoint), str(output)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    errors = [line for line in done.stderr.splitlines() if not line.startswith("converting ")]
    assert len(errors) == 1
    assert errors[0].startswith("error: Cannot write ")
    assert names(output) == []


def test_too_little_space_is_seen_before_anything_is_written(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sentence has both sizes."""
    usage = shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with pytest.raises(LocalqwqError, match=r"has 1\.0 KiB free and the conversion needs 1\.3 MiB"):
        convert(checkpoint, tmp_path / "pack", ["Q8_0"])
    assert names(tmp_path / "pack") == []


def test_more_quantizations_join_the_pack(checkpoint: Path, tmp_path: Path) -> None:
    """A second conversion adds to the manifest, unless the first's file is gone.

    What was measured of a file stays with it.
    """
    for quant in ("Q8_0", "Q4_K_M", "Q8_0"):
        convert(checkpoint, tmp_path, [quant])
        record(tmp_path, figures(quant))
    manifest = read_manifest(tmp_path)
    assert {file.quant for file in manifest.files} == {"Q8_0", "Q4_K_M"}
    assert {one.quant for one in manifest.figures.quality} == {"Q8_0", "Q4_K_M"}
    (tmp_path / "small-Q8_0.gguf").unlink()
    convert(checkpoint, tmp_path, ["BF16"])
    manifest = read_manifest(tmp_path)
    assert {file.quant for file in manifest.files} == {"Q4_K_M", "BF16"}
    assert {one.quant for one in manifest.figures.quality} == {"Q4_K_M"}


def test_another_packs_folder_is_left_alone(checkpoint: Path, tmp_path: Path) -> None:
    """Two packs in one folder would lose the first one's manifest."""
    convert(checkpoint, tmp_path, ["Q8_0"], name="first")
    before = names(tmp_path)
    with pytest.raises(LocalqwqError, match="holds the pack first already"):
        convert(checkpoint, tmp_path, ["Q8_0"], name="second")
    assert names(tmp_path) == before


def test_a_directory_under_the_name_of_a_file(checkpoint: Path, tmp_path: Path) -> None:
    """What cannot be replaced is seen at the start."""
    (tmp_path / "small-Q8_0.gguf").mkdir()
    with pytest.raises(LocalqwqError, match="is a directory: remove it"):
        convert(checkpoint, tmp_path, ["Q4_K_M", "Q8_0"])
    assert names(tmp_path) == ["small-Q8_0.gguf"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"num_hidden_layers": 3}, r"lacks the tensor model\.layers\.2"),
        ({"num_hidden_layers": 1}, r"has a tensor 'model\.layers\.1"),
        ({"intermediate_size": 256}, r"in the shape \[512, 256\].*says \[256, 256\]"),
        ({"tie_word_embeddings": False}, r"lacks the tensor lm_head\.weight"),
        ({"architectures": ["MambaForCausalLM"]}, "localqwq converts .*Qwen2ForCausalLM"),
        ({"vocab_size": 287}, "the files do not match"),
    ],
    ids=str,
)
def test_a_configuration_that_does_not_fit_the_weights(
    tmp_path: Path, change: dict[str, object], words: str
) -> None:
    """Missing, surplus and misshapen tensors are named, and nothing is written."""
    checkpoint = make_checkpoint(tmp_path / "small")
    config = json.loads((checkpoint / "config.json").read_text()) | change
    write_json(checkpoint / "config.json", config)
    with pytest.raises(LocalqwqError, match=words):
        convert(checkpoint, tmp_path / "pack", ["Q8_0"])
    assert not (tmp_path / "pack").exists()


def test_damaged_weights_name_the_tensor(tmp_path: Path) -> None:
    """A NaN in one tensor stops the conversion and says where it is."""
    checkpoint = make_checkpoint(tmp_path / "small", dtype="F32")
    path = checkpoint / "model.safetensors"
    data = bytearray(path.read_bytes())
    data[-1024:-1020] = np.float32(np.nan).tobytes()
    path.write_bytes(data)
    with pytest.raises(LocalqwqError, match=r"The tensor 'model\.norm\.weight' .*NaNs"):
        convert(checkpoint, tmp_path / "pack", ["Q8_0"])
    assert names(tmp_path / "pack") == []


@pytest.mark.parametrize("name", ["../outside", "", "a/b", ".hidden", "x" * 200, "a\nb"])
def test_names_stay_inside_of_the_folder(checkpoint: Path, tmp_path: Path, name: str) -> None:
    """A pack's name is a plain file name."""
    with pytest.raises(LocalqwqError, match="cannot be named"):
        convert(checkpoint, tmp_path, ["Q8_0"], name=name)


def test_threads_are_counted(checkpoint: Path, tmp_path: Path) -> None:
    """At least one by default, and no fewer on request."""
    assert default_threads() >= 1
    with pytest.raises(LocalqwqError, match="0 threads"):
        convert(checkpoint, tmp_path, ["Q8_0"], threads=0)


def test_options_without_effect_are_refused(checkpoint: Path, tmp_path: Path) -> None:
    """A matrix of another model, or a pattern that matches nothing, is no silent matter."""
    foreign = tmp_path / "foreign.gguf"
    write_imatrix(foreign, {"blk.99.attn_q.weight": np.ones(256, dtype=np.float32)})
    with pytest.raises(LocalqwqError, match="covers no tensor of this model"):
        convert(checkpoint, tmp_path / "pack", imatrix=foreign)
    with pytest.raises(LocalqwqError, match="--tensor-type atn_v matches no matrix"):
        convert(checkpoint, tmp_path / "pack", tensor_types=["atn_v=Q8_0"])
    assert names(tmp_path) == ["foreign.gguf"]
