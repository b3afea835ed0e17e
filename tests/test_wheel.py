"""The wheel works without the repository."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from this tree with the build backend that is installed."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


def test_wheel_holds_both_packages_and_the_demo(wheel: Path) -> None:
    """The import packages and the demo checkpoint are inside, the tests are not."""
    names = zipfile.ZipFile(wheel).namelist()
    assert "localqwq/cli/main.py" in names
    assert "localqwq_convert/pipeline.py" in names
    assert "localqwq/data/demo/model.safetensors" in names
    assert {"localqwq/py.typed", "localqwq_convert/py.typed"} <= set(names)
    assert not [name for name in names if name.startswith(("tests/", "bench/", "convert/"))]


def test_ask_runs_from_the_wheel(wheel: Path, tmp_path: Path) -> None:
    """Unpacked elsewhere, it makes the demo pack and answers."""
    zipfile.ZipFile(wheel).extractall(tmp_path)
    ran = subprocess.run(
        [sys.executable, "-m", "localqwq", "ask", "What is 12 + 30?", "--temperature", "0"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert "42" in ran.stdout
