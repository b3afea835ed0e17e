"""``localqwq quality``: llama-perplexity's figures, kept in the pack, whatever interrupts it.

The expectations were recorded with the llama-perplexity of the llama.cpp that llama-cpp-python
0.3.36 brings, on the same text and files, with ``--kl-divergence-base`` and ``--kl-divergence``.
"""

import json
import shutil
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from localqwq.children import Child
from localqwq.cli.main import main
from localqwq.engine.probing.probe_child import reports
from localqwq.packs.manifest import read_manifest
from localqwq.quality.corpus import quality_directory
from localqwq_convert.pipeline import convert
from tests.checkpoints import make_checkpoint
from tests.quality_text import sums_text

PERPLEXITY, PERPLEXITY_ERROR = 16510.686049, 3578.348132
KLD, KLD_ERROR, KLD_MAX, KLD_90 = 0.200726, 0.026514, 10.232907, 0.389840
SAME_TOP = 0.86667
OTHERS = 0.02
"""Another processor rounds differently; on the one that recorded it is less than 1e-4."""


@pytest.fixture
def pack(demo_pack: Path, tmp_path: Path) -> Path:
    """A pack of our own, whose manifest may change."""
    return shutil.copytree(demo_pack, tmp_path / "pack")


@pytest.fixture
def text(tmp_path: Path) -> Path:
    """A text of three chunks."""
    path = tmp_path / "sums.txt"
    path.write_text(sums_text())
    return path


def test_a_pack(pack: Path, text: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """All quantizations against the largest one; once measured, they are known."""
    picture = text.with_name("picture.svg")
    command = ["quality", str(pack), "--text", str(text)]
    assert main([*command, "--json", "--svg", str(picture)]) == 0
    large, small = json.loads(capsys.readouterr().out)
    assert (large["model"], small["model"]) == ("demo:Q8_0", "demo:Q4_K_M")
    assert large["kld"] is None
    assert small["reference"] == "demo:Q8_0"
    assert small["tokens"] == 3 * 255
    assert small["perplexity"] == pytest.approx(PERPLEXITY, rel=OTHERS)
    assert small["perplexity_error"] == pytest.approx(PERPLEXITY_ERROR, rel=OTHERS)
    found = [small["kld"][key] for key in ("mean", "mean_error", "max", "p90")]
    assert found == pytest.approx([KLD, KLD_ERROR, KLD_MAX, KLD_90], rel=OTHERS)
    assert small["top1"] == pytest.approx(SAME_TOP, rel=OTHERS)
    assert 0 < small["top5"] < 1
    assert "Q4_K_M" in "".join(ElementTree.parse(picture).getroot().itertext())

    (measured,) = [one for one in read_manifest(pack).figures.quality if one.quant == "Q4_K_M"]
    assert measured.kld_mean == small["kld"]["mean"]
    assert (measured.suite, measured.reference) == ("sums.txt", "demo:Q8_0")
    assert measured.command == "localqwq quality demo --text sums.txt"

    assert main(command) == 0
    table = capsys.readouterr().out
    assert "● Q4_K_M" not in table  # a single point is no picture
    assert "86." in table
    assert main([*command, "--json"]) == 0
    assert [one["seconds"] for one in json.loads(capsys.readouterr().out)] == [0, 0]


def test_the_compact_form_says_what_it_hides(
    pack: Path, text: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is announced before, and less than the divergence by the error that is stated."""
    text.write_text(sums_text(200))
    command = ["quality", str(pack), "--text", str(text), "--json"]
    assert main(command) == 0
    full = json.loads(capsys.readouterr().out)[1]["kld"]
    assert main([*command, "--reference-size", "4M"]) == 0
    shown = capsys.readouterr()
    assert "most likely words" in shown.err
    kld = json.loads(shown.out)[1]["kld"]
    assert 0 < kld["compact_error"] < 0.2
    assert kld["mean"] < full["mean"]
    assert kld["mean"] / (1 - kld["compact_error"]) == pytest.approx(full["mean"], rel=0.02)
    assert main([*command, "--reference-size", "1M"]) == 1
    assert "--reference-size" in capsys.readouterr().err


def test_a_killed_run_goes_on(demo_gguf: Path, tmp_path: Path) -> None:
    """With the same scores, to the bit."""
    tokens = tmp_path / "tokens.npy"
    np.save(tokens, np.arange(512 * 12, dtype=np.int32) * 7 % 1000)

    def order(name: str) -> dict[str, object]:
        return {
            "path": str(demo_gguf),
            "load": {"context": 512, "threads": 2, "flash": True},
            "tokens": str(tokens),
            "scores": str(tmp_path / name),
            "identity": "work",
            "reference": str(tmp_path / f"{name}-reference"),
            "reference_identity": "reference",
            "vocabulary": 1166,
            "words": None,
            "writes": True,
        }

    killed = reports(Child.SCORES, order("killed"))
    while next(killed)["done"] < 8:
        pass
    killed.close()  # with SIGKILL
    with (tmp_path / "killed-reference.full").open("ab") as file:
        file.write(b"half a record")
    first, *_, last = reports(Child.SCORES, order("killed"))
    assert 4 <= first["before"] < 12
    assert last["done"] == 12
    list(reports(Child.SCORES, order("whole")))
    for ending in ("", "-reference.full"):
        one, other = ((tmp_path / f"{name}{ending}").read_bytes() for name in ("killed", "whole"))
        assert one == other


def test_one_model_has_a_perplexity(
    demo_gguf: Path, text: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And with stretched positions another one."""
    command = ["quality", str(demo_gguf), "--text", str(text), "--json"]
    assert main(command) == 0
    alone = json.loads(capsys.readouterr().out)
    assert alone["kld"] is alone["reference"] is None
    assert main(command[:-1]) == 0
    assert capsys.readouterr().out.splitlines()[2].split() == ["model", "size", "perplexity"]
    assert main([*command, "--rope-factor", "1,4"]) == 0
    usual, stretched = json.loads(capsys.readouterr().out)
    assert usual["perplexity"] == pytest.approx(alone["perplexity"])
    assert stretched["kld"]["mean"] > 0.01


def test_another_vocabulary(
    demo_gguf: Path, text: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One sentence, before anything is computed."""
    convert(make_checkpoint(tmp_path / "small"), tmp_path / "other", ["Q8_0"], name="other")
    other = next((tmp_path / "other").glob("*.gguf"))
    command = ["quality", str(other), "--against", str(demo_gguf), "--text", str(text)]
    assert main(command) == 1
    assert "another vocabulary" in capsys.readouterr().err
    assert not list(quality_directory().iterdir())


def test_too_short(demo_gguf: Path, text: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One sentence that says how much is needed."""
    text.write_text("Short.")
    assert main(["quality", str(demo_gguf), "--text", str(text)]) == 1
    assert "at least 1,024 are needed" in capsys.readouterr().err
