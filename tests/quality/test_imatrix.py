"""Importance matrices: the values of llama-imatrix, whatever interrupts the run.

``llama_imatrix.json`` was recorded with the llama-imatrix of the llama.cpp that llama-cpp-python
0.3.36 brings, for the demo's Q8_0 and ``tests.quality_text.sums_text``:
``python -m bench.imatrix --peer DIR --model PATH --text FILE --expectations FILE``.
"""

import json
from pathlib import Path

import gguf
import numpy as np
import pytest

from localqwq.children import Child
from localqwq.cli.automatic_matrix import automatic_matrix
from localqwq.cli.main import main
from localqwq.engine.probing.probe_child import reports
from localqwq.locations import demo_checkpoint
from localqwq.quality.corpus import Source
from localqwq.quality.sum_file import read_sums
from localqwq_convert.imatrix import read_imatrix
from tests.quality_text import sums_text

LOAD = {"context": 512, "threads": 2, "flash": True}
RECORDED = json.loads(Path(__file__).with_name("llama_imatrix.json").read_text())


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A text of a few chunks."""
    path = tmp_path_factory.mktemp("text") / "sums.txt"
    path.write_text(sums_text())
    return path


def test_it_is_what_llama_imatrix_writes(
    demo_gguf: Path, text: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same matrices and counts; sums up to what another processor rounds differently."""
    file = tmp_path / "demo.imatrix.gguf"
    command = ["imatrix", str(demo_gguf), "-o", str(file), "--text", str(text), "--json"]
    assert main(command) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["tokens"] == 3 * 512
    (count,) = {
        one.data[0] for one in gguf.GGUFReader(file).tensors if one.name.endswith(".counts")
    }
    assert count == RECORDED["count"]  # the last 6 tokens are too few for a batch
    found = read_imatrix(file)
    assert found.datasets == (str(text),)
    assert found.chunks == shown["chunks"] == count // 512
    assert set(found.values) == set(RECORDED["means"])
    for name, (first, total) in RECORDED["means"].items():
        means = found.values[name].astype(np.float64)
        assert [means[0], means.sum()] == pytest.approx([first, total], rel=1e-3), name
    assert [path.name for path in tmp_path.iterdir()] == [file.name]


def test_convert_uses_it(demo_gguf: Path, text: Path, tmp_path: Path) -> None:
    """The smallest quantizations need one."""
    file = tmp_path / "demo.imatrix.gguf"
    assert main(["imatrix", str(demo_gguf), "-o", str(file), "--text", str(text)]) == 0
    made = ["convert", "models/demo", "-o", str(tmp_path / "pack"), "--quant", "IQ3_XXS"]
    made.append("--dry-run")
    assert main(made) == 1
    assert main([*made, "--imatrix", str(file)]) == 0


def test_a_killed_run_goes_on(demo_gguf: Path, tmp_path: Path) -> None:
    """With the very same sums at the end."""
    tokens = tmp_path / "tokens.npy"
    np.save(tokens, np.arange(512 * 12, dtype=np.int32) * 7 % 1000)

    def order(state: str) -> dict[str, object]:
        return {
            "path": str(demo_gguf),
            "load": LOAD,
            "tokens": str(tokens),
            "state": str(tmp_path / state),
        }

    killed = reports(Child.IMATRIX, order("killed"))
    while next(killed)["done"] < 8:
        pass
    killed.close()  # with SIGKILL
    first, *_, last = reports(Child.IMATRIX, order("killed"))
    assert first["before"] in (4, 8)
    assert last["done"] == last["of"] == 12
    assert {at["before"] for at in reports(Child.IMATRIX, order("whole"))} == {0}
    killed_sums, whole_sums = (
        dict(np.load(tmp_path / state, allow_pickle=False)) for state in ("killed", "whole")
    )
    for name, array in whole_sums.items():
        assert np.array_equal(killed_sums[name], array), name


def test_a_damaged_state_is_ignored(tmp_path: Path) -> None:
    """One that was cut off, and one of another text."""
    state = tmp_path / "state"
    assert read_sums(state, "text") is None
    state.write_bytes(b"PK\3\4 and then nothing")
    assert read_sums(state, "text") is None


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"Too short.", "tokens"), (b"\xff\xfe\xfa", "UTF-8"), (None, "cannot be read")],
)
def test_what_cannot_be_used(
    demo_gguf: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    content: bytes | None,
    said: str,
) -> None:
    """One sentence that names the file."""
    text = tmp_path / "text.txt"
    if content is not None:
        text.write_bytes(content)
    file = tmp_path / "new.gguf"
    assert main(["imatrix", str(demo_gguf), "-o", str(file), "--text", str(text)]) == 1
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("error: ")
    assert str(text) in error
    assert said in error
    assert not file.exists()


def test_two_sources_are_too_many(demo_gguf: Path, text: Path, tmp_path: Path) -> None:
    """A matrix is computed from one."""
    both = ["--text", str(text), "--own-thoughts", "3"]
    assert main(["imatrix", str(demo_gguf), "-o", str(tmp_path / "x.gguf"), *both]) == 1


def test_convert_computes_one(text: Path, tmp_path: Path) -> None:
    """From a checkpoint, which has to run for it; nothing but the matrix is left of that."""
    file = automatic_matrix(demo_checkpoint(), tmp_path / "pack", source=Source("text", text))
    assert read_imatrix(file).datasets == (str(text),)
    assert [path.name for path in (tmp_path / "pack").iterdir()] == [file.name]
    written = file.stat().st_mtime_ns
    assert automatic_matrix(demo_checkpoint(), tmp_path / "pack", resume=True) == file
    assert file.stat().st_mtime_ns == written


def test_a_dry_run_computes_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It writes nothing."""
    made = ["convert", "models/demo", "-o", str(tmp_path / "pack"), "--imatrix", "auto"]
    assert main([*made, "--dry-run"]) == 1
    assert "dry run" in capsys.readouterr().err
    assert not (tmp_path / "pack").exists()
