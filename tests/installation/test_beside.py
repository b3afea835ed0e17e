"""A llama.cpp beside the installed one: unpacked once, and used by the program that is run."""

import subprocess
import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest

from localqwq.errors import LocalqwqError
from localqwq.installation.beside import libraries_for, run_with
from localqwq.installation.recipe import Recipe

RECIPE = Recipe("vulkan", "1.2.3")
SHOW = "from localqwq.engine.llama.library import binding; print(binding()._lib._name)"


def installed() -> Path:
    """The folder with the libraries of the installed llama.cpp."""
    package = find_spec("llama_cpp")
    assert package is not None
    assert package.origin is not None
    return Path(package.origin).parent / "lib"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A source tree in which a wheel was built, and not unpacked yet."""
    wheels = tmp_path / "build" / "wheels" / RECIPE.key
    wheels.mkdir(parents=True)
    with zipfile.ZipFile(wheels / "llama_cpp_python-1.2.3.whl", "w") as wheel:
        for library in installed().iterdir():
            wheel.write(library, f"llama_cpp/lib/{library.name}")
        wheel.writestr("llama_cpp/llama_cpp.py", "")
    return tmp_path


def test_a_program_runs_with_the_other_libraries(tree: Path) -> None:
    """And with nothing else of the wheel; the second time nothing is left to do."""
    folder = libraries_for(tree, RECIPE)
    assert {path.name for path in folder.iterdir()} == {path.name for path in installed().iterdir()}
    assert libraries_for(tree, RECIPE) == folder
    assert not list(tree.rglob("*.whl"))
    order = (
        "from pathlib import Path; from localqwq.installation.beside import run_with;"
        f"run_with(Path({str(folder)!r}), [{sys.executable!r}, '-c', {SHOW!r}])"
    )
    ran = subprocess.run([sys.executable, "-c", order], capture_output=True, text=True, check=True)
    assert str(folder) in ran.stdout
    assert str(installed()) not in ran.stdout


def test_each_backend_has_a_folder_of_its_own(tree: Path) -> None:
    """So does each version, and what a person adds."""
    assert libraries_for(tree, RECIPE).name == f"llama-vulkan-{RECIPE.key}"
    assert RECIPE.key != Recipe("vulkan", "1.2.3", "-DX=1").key


def test_a_program_that_is_not_there() -> None:
    """One sentence."""
    with pytest.raises(LocalqwqError, match="nothere cannot be run: No such file"):
        run_with(None, ["nothere"])
