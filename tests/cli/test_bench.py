"""``localqwq bench``: one document for scripts, some lines for people, and how it fails."""

import json
import shutil
from pathlib import Path

import pytest

from localqwq.cli.main import main
from localqwq.packs.manifest import read_manifest

SHORT = ("--prompt", "40", "--generate", "4")


def test_json(demo_gguf: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In the shape that scripts rely on; the medians of the runs."""
    assert main(["bench", str(demo_gguf), *SHORT, "--repeat", "3", "--json"]) == 0
    shown = capsys.readouterr()
    found = json.loads(shown.out)
    keys = ["model", "prompt_tps", "generate_tps", "threads", "layers_offloaded", "runs"]
    assert set(keys) <= set(found)
    assert found["layers_offloaded"] == 0
    assert len(found["runs"]) == 3
    for key in ("prompt_tps", "generate_tps"):
        assert found[key] == sorted(run[key] for run in found["runs"])[1] > 0
    assert "Run 3 of 3" in shown.err


def test_for_people(demo_pack: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Both speeds, with their unit; the pack says them, too, unless it was loaded by hand."""
    pack = shutil.copytree(demo_pack, tmp_path / "demo")
    words = ["bench", str(pack / "demo-Q8_0.gguf"), *SHORT, "--repeat", "1"]
    assert main([*words, "--threads", "1"]) == 0
    assert not read_manifest(pack).figures
    capsys.readouterr()
    assert main(words) == 0
    first, reads, answers = capsys.readouterr().out.splitlines()
    (found,) = read_manifest(pack).figures.speeds
    assert (found.quant, found.prompt_tokens, found.generate_tokens) == ("Q8_0", 40, 4)
    assert answers.split()[1] == f"{found.generate_tps:,.1f}"
    assert found.command == "localqwq bench demo:Q8_0 --prompt 40 --generate 4 --repeat 1"
    assert "threads" in first
    assert reads.startswith("reads a prompt")
    assert answers.endswith("tokens/s")


def test_what_cannot_be_measured(
    demo_gguf: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One sentence: more tokens than the model knows, and a file that is cut off."""
    cut = tmp_path / "cut.gguf"
    cut.write_bytes(demo_gguf.read_bytes()[:-100_000])
    for model, flags in ((demo_gguf, ("--prompt", "1000000")), (cut, SHORT)):
        assert main(["bench", str(model), *flags]) == 1
        shown = capsys.readouterr()
        assert shown.out == ""
        assert shown.err.splitlines()[-1].startswith("error: ")


def test_wrong_usage(demo_gguf: Path) -> None:
    """Nothing takes no time."""
    assert main(["bench", str(demo_gguf), "--generate", "0"]) == 2
