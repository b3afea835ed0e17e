"""The command that compiles llama.cpp anew fits the way in which localqwq was installed."""

import shlex
from pathlib import Path

import pytest

from localqwq.cli.doctor import fix_lines
from localqwq.hardware.hints import Hint
from localqwq.installation.compiler import NO_AMX, compiler_flags
from localqwq.installation.origin import Installer, Origin, find_origin, origin, rebuild_command


def test_found_by_what_installers_leave(tmp_path: Path) -> None:
    """A source tree with its .venv, uv's receipt, pipx's notes; else pip."""
    tree = tmp_path / "tree"
    (tree / ".venv").mkdir(parents=True)
    assert find_origin(tree / ".venv", tree).installer == "pip"
    (tree / "Makefile").touch()
    assert find_origin(tree / ".venv", tree) == Origin("make", tree)
    assert find_origin(tmp_path, tree).installer == "pip"
    (tmp_path / "pipx_metadata.json").touch()
    assert find_origin(tmp_path, tree) == Origin("pipx", tmp_path)
    (tmp_path / "uv-receipt.toml").touch()
    assert find_origin(tmp_path, tree) == Origin("uv tool", tmp_path)
    assert origin() in (Origin("make", origin().place), Origin("pip", origin().place))


@pytest.mark.parametrize(
    ("installer", "words"),
    [
        ("uv tool", "uv --no-cache tool upgrade localqwq --reinstall-package llama-cpp-python"),
        ("pipx", "pipx runpip localqwq install --force-reinstall"),
        ("pip", "-m pip install --force-reinstall --no-cache-dir --no-deps"),
        ("uv pip", "uv --no-cache pip install --python"),
    ],
)
def test_commands(installer: Installer, words: str, tmp_path: Path) -> None:
    """Each is one line of a shell with the options that the backend needs."""
    command = rebuild_command("cuda", Origin(installer, tmp_path / "a folder"))
    assert words in command
    settings = dict(
        word.split("=", 1) for word in shlex.split(command) if word.isupper() or "_ARGS=" in word
    )
    assert "-DGGML_CUDA=ON" in shlex.split(settings["CMAKE_ARGS"])


def test_make_has_its_own(tmp_path: Path) -> None:
    """From any folder, and for the backend that is there unless another is meant."""
    made = Origin("make", tmp_path / "a folder")
    assert rebuild_command("cuda", made) == f"make -C '{made.place}' recompile BACKEND=cuda"
    assert rebuild_command(by=made) == f"make -C '{made.place}' recompile"


def test_fix_is_a_script() -> None:
    """Hints are comments; only what can be run stands alone."""
    lines = fix_lines([Hint("Close something."), Hint("There is a GPU.", "vulkan")])
    assert lines[:2] == ["# Close something.", "# There is a GPU."]
    assert lines[2] == rebuild_command("vulkan")
    assert fix_lines([]) == ["# No command is needed."]


def test_amx_is_left_out_where_the_compiler_knows_it(tmp_path: Path) -> None:
    """The person's own flags stay in front; other processors' compilers get none."""
    compiler = tmp_path / "c++"
    compiler.write_text("#!/bin/sh\nexit 0\n")
    compiler.chmod(0o755)
    flags = compiler_flags({"CXX": str(compiler), "CXXFLAGS": "-g"})
    assert flags == {"CFLAGS": " ".join(NO_AMX), "CXXFLAGS": f"-g {' '.join(NO_AMX)}"}
    assert compiler_flags({"CXX": str(compiler), **flags}) == flags
    compiler.write_text("#!/bin/sh\nexit 1\n")
    assert compiler_flags({"CXX": str(compiler)}) == {}
    assert compiler_flags({"CXX": str(tmp_path / "absent"), "PATH": ""}) == {}
