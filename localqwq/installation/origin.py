"""How this localqwq was installed, and the command that recompiles its llama.cpp."""

import shlex
import sys
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from localqwq.installation.backends import LLAMA, cmake_options, default_backend
from localqwq.installation.compiler import compiler_flags

Installer = Literal["make", "uv tool", "pipx", "pip", "uv pip"]


@dataclass(frozen=True, slots=True)
class Origin:
    """The program that installed localqwq, and the location."""

    installer: Installer
    place: Path
    """The source tree for ``make``, else the environment."""


@cache
def origin() -> Origin:
    """Return how the running localqwq was installed."""
    return find_origin(Path(sys.prefix), Path(__file__).resolve().parents[2])


def find_origin(environment: Path, tree: Path) -> Origin:
    """Detect the installer by the files that it leaves.

    Args:
        environment: the Python environment, ``sys.prefix``.
        tree: the folder that holds the package ``localqwq``.
    """
    if (tree / "Makefile").is_file() and environment.resolve() == (tree / ".venv").resolve():
        return Origin("make", tree)
    if (environment / "uv-receipt.toml").is_file():
        return Origin("uv tool", environment)
    if (environment / "pipx_metadata.json").is_file():
        return Origin("pipx", environment)
    return Origin("pip" if find_spec("pip") else "uv pip", environment)


def rebuild_command(backend: str = "", by: Origin | None = None) -> str:
    """Return the shell command that recompiles llama.cpp.

    Args:
        backend: the new backend; empty for the current one, as far as the installer knows it.
        by: how localqwq was installed; by default, the running one.

    Raises:
        LocalqwqError: the backend is unknown.
    """
    by = by or origin()
    options = cmake_options(backend or default_backend())
    if by.installer == "make":
        chosen = f" BACKEND={backend}" if backend else ""
        return f"make -C {shlex.quote(str(by.place))} recompile{chosen}"
    settings = {"CMAKE_ARGS": " ".join(options), **compiler_flags()}
    prefix = " ".join(f"{name}={shlex.quote(value)}" for name, value in settings.items())
    return f"{prefix} {_reinstall(by)}"


def _reinstall(by: Origin) -> str:
    """Return the installer's command that rebuilds llama-cpp-python from source."""
    if by.installer == "uv tool":
        # uv keeps what it has built, whatever CMAKE_ARGS was then.
        return f"uv --no-cache tool upgrade localqwq --reinstall-package {LLAMA}"
    fresh = f"--no-deps --no-binary {LLAMA} {shlex.quote(_requirement())}"
    if by.installer == "pipx":
        return f"pipx runpip localqwq install --force-reinstall --no-cache-dir {fresh}"
    python = shlex.quote(str(by.place / "bin" / "python"))
    if by.installer == "uv pip":
        return f"uv --no-cache pip install --python {python} --reinstall {fresh}"
    return f"{python} -m pip install --force-reinstall --no-cache-dir {fresh}"


def _requirement() -> str:
    """Return the installed version, or the required one if none is installed."""
    from importlib.metadata import PackageNotFoundError, requires, version

    try:
        return f"{LLAMA}=={version(LLAMA)}"
    except PackageNotFoundError:
        wanted = (line for line in requires("localqwq") or () if line.startswith(LLAMA))
        return next(wanted, LLAMA)
