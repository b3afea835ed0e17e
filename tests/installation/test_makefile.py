"""`make` stops where a step fails, whatever make and shell it is."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from localqwq.installation.recipe import (
    Installed,
    choose_recipe,
    project_checksum,
    read_installed,
    write_installed,
)

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """This source tree with an environment that has nothing in it yet."""
    for name in ("Makefile", "constraints.txt", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(ROOT / "localqwq", tmp_path / "localqwq")
    programs = tmp_path / ".venv" / "bin"
    programs.mkdir(parents=True)
    (programs / "python").symlink_to(sys.executable)
    (programs.parent / ".python").touch()
    return tmp_path


def make(tree: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run make as macOS's 3.81 does, with nothing but a shell at hand: no compiler."""
    tools = tree / "tools"
    tools.mkdir(exist_ok=True)
    for name in ("sh", "touch"):
        if not (tools / name).exists():
            (tools / name).symlink_to(shutil.which(name) or name)
    command = [shutil.which("make") or "make", *arguments, "SHELL=/bin/sh", ".SHELLFLAGS=-c"]
    environment = {"PATH": str(tools), "HOME": str(tree)}
    return subprocess.run(
        command, cwd=tree, env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    "target", ["install", "chat", "test", "test-gpu", "recompile", "coverage", "test-lowest"]
)
def test_a_failed_step_is_the_end(tree: Path, target: str) -> None:
    """No compiler: one sentence, an exit code, nothing that counts as done, nothing after it."""
    for _ in range(2):
        ran = make(tree, target)
        assert ran.returncode == 2
        [sentence] = [line for line in ran.stderr.splitlines() if line.startswith("error: ")]
        assert "a C++ compiler could not be found" in sentence
        assert "Start it with" not in ran.stdout
        assert not (tree / ".venv" / "localqwq.json").exists()


def test_options_for_another_build_leave_the_installed_one(tree: Path) -> None:
    """What a device's build needs beside it is no reason to compile the installed one anew."""
    recipe = choose_recipe(tree / "constraints.txt", "cpu", {"CXX": "absent"}, None)
    there = Installed(recipe, project_checksum(tree), ("dev",))
    write_installed(tree / ".venv" / "localqwq.json", there)
    ran = make(tree, "test-gpu", "BACKEND=cude", "CMAKE_ARGS=-DX=1")
    assert ran.returncode == 2
    assert "BACKEND=cude is not known" in ran.stderr
    assert read_installed(tree / ".venv" / "localqwq.json") == there


def test_a_wrong_backend_is_named(tree: Path) -> None:
    """Before anything is fetched."""
    ran = make(tree, "BACKEND=cude")
    assert "BACKEND=cude is not known: use cpu, cuda, metal, vulkan." in ran.stderr


def test_help_lists_every_target(tree: Path) -> None:
    """With the words that stand beside it."""
    listed = subprocess.run(
        ["make", "help"], cwd=tree, capture_output=True, text=True, check=True
    ).stdout
    for target in (
        "install",
        "chat",
        "test",
        "test-gpu",
        "coverage",
        "test-lowest",
        "link",
        "unlink",
        "uninstall",
        "clean",
    ):
        assert f"make {target} " in listed
    assert "your last conversation" in listed
