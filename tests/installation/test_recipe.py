"""Which llama.cpp is built, and what is remembered of it."""

from pathlib import Path

import pytest

from localqwq.errors import LocalqwqError
from localqwq.installation.backends import OPTIONS, cmake_options, default_backend
from localqwq.installation.recipe import (
    Installed,
    Recipe,
    choose_recipe,
    read_installed,
    write_installed,
)


@pytest.fixture
def constraints(tmp_path: Path) -> Path:
    """A file that pins llama-cpp-python."""
    path = tmp_path / "constraints.txt"
    path.write_text("librt==0.16.0\nllama_cpp_python==1.2.3\n")
    return path


@pytest.mark.parametrize("backend", OPTIONS)
def test_every_backend_is_small_and_has_rpc(backend: str) -> None:
    """llama.cpp's common library and image models are left out, RPC is in."""
    options = cmake_options(backend)
    assert "-DGGML_RPC=ON" in options
    assert "-DLLAVA_BUILD=OFF" in options
    assert any("llama.cpp_INCLUDE=" in option for option in options)


@pytest.mark.parametrize(
    ("backend", "words"), [("cude", "use cpu, cuda, metal, vulkan"), ("hip", "-DGGML_HIP=ON")]
)
def test_other_backends_are_refused_with_a_way_out(
    constraints: Path, backend: str, words: str
) -> None:
    """A typing mistake names what there is; one built by hand says how."""
    with pytest.raises(LocalqwqError, match=words):
        choose_recipe(constraints, backend, {}, None)


def test_what_is_built_stays(constraints: Path) -> None:
    """Without a wish, a build is kept as it was made; a newer version is built alike."""
    first = choose_recipe(constraints, "", {}, None)
    assert (first.backend, first.version) == (default_backend(), "1.2.3")
    cuda = choose_recipe(constraints, "cuda", {"CMAKE_ARGS": "-DX=1", "CXX": "absent"}, first)
    assert cuda.options.endswith("-DX=1")
    assert choose_recipe(constraints, "", {"CXXFLAGS": "-g"}, cuda) == cuda
    assert choose_recipe(constraints, "cpu", {}, cuda).backend == "cpu"
    constraints.write_text("llama_cpp_python==2.0\n")
    assert choose_recipe(constraints, "", {}, cuda).own_options == "-DX=1"
    assert choose_recipe(constraints, "", {}, cuda).key != cuda.key


def test_the_record_comes_back(tmp_path: Path) -> None:
    """What is written is read; what is torn counts as nothing."""
    path = tmp_path / "localqwq.json"
    assert read_installed(path) is None
    there = Installed(Recipe("cpu", "1", "-DX=1", {"CFLAGS": "-g"}, 7), 5, ("dev",))
    write_installed(path, there)
    assert read_installed(path) == there
    path.write_text(path.read_text()[:40])
    assert read_installed(path) is None


def test_extras_need_nothing_that_is_there() -> None:
    """An environment with more than is wanted is left alone."""
    recipe = Recipe("cpu", "1")
    assert Installed(recipe, 5, ("dev", "keyring")).has(Installed(recipe, 5, ("dev",)))
    assert not Installed(recipe, 5).has(Installed(recipe, 5, ("dev",)))
    assert not Installed(recipe, 5).has(Installed(Recipe("cuda", "1"), 5))
    assert not Installed(recipe, 5).has(Installed(recipe, 6))
