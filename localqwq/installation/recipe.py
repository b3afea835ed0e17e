"""Which llama.cpp to build, from the command line, the environment and what is installed."""

import json
import platform
import re
import subprocess
import sys
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from localqwq.errors import LocalqwqError
from localqwq.installation.backends import cmake_options, default_backend
from localqwq.installation.compiler import compiler_flags


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that determines the built llama.cpp."""

    backend: str
    version: str
    """Version of llama-cpp-python."""
    own_options: str = ""
    """CMake options given by the user in ``CMAKE_ARGS``."""
    flags: dict[str, str] = field(default_factory=dict)
    """``CFLAGS`` and ``CXXFLAGS``."""
    include: int = 0
    """Checksum of ``llama.cmake``."""

    @property
    def key(self) -> str:
        """A short name for all of this."""
        return f"{zlib.crc32(json.dumps(asdict(self)).encode()):08x}"

    @property
    def options(self) -> str:
        """CMake's options on one line; the user's own come last, so they take precedence."""
        return " ".join([*cmake_options(self.backend), self.own_options]).strip()


def choose_recipe(
    constraints: Path, backend: str, environment: Mapping[str, str], built: Recipe | None
) -> Recipe:
    """Return the llama.cpp that should be installed.

    Args:
        constraints: the file that pins the version.
        backend: the requested backend; empty to keep the current one.
        environment: may contain ``CMAKE_ARGS``, ``CFLAGS``, ``CXXFLAGS`` and ``CXX``.
        built: what is installed now, ``None`` for nothing.

    Raises:
        LocalqwqError: the backend is unknown, or no version is pinned.
    """
    version = _pinned_version(constraints)
    include = zlib.crc32(Path(__file__).with_name("llama.cmake").read_bytes())
    own_options = environment.get("CMAKE_ARGS", "").strip()
    if built and not backend and not own_options:
        return replace(built, version=version, include=include)
    backend = backend or default_backend()
    cmake_options(backend)
    return Recipe(backend, version, own_options, compiler_flags(environment), include)


def _pinned_version(constraints: Path) -> str:
    found = re.search(r"^llama_cpp_python==(\S+)", constraints.read_text("utf-8"), re.MULTILINE)
    if found is None:
        raise LocalqwqError(f"{constraints} does not pin llama_cpp_python.")
    return found[1]


def cache_option(recipe: Recipe) -> str:
    """Return pip's option for the cache of built wheels.

    pip's cache ignores flags and processors, so each build has its own inside it. There is none if
    a new toolkit or driver requires a new build under the same flags.
    """
    if recipe.backend != "cpu" or recipe.own_options:
        return "--no-cache-dir"
    command = [sys.executable, "-m", "pip", "cache", "dir"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    root = ran.stdout.strip()
    if ran.returncode or not root:
        return "--no-cache-dir"
    return f"--cache-dir={root}/localqwq-{recipe.key}-{zlib.crc32(_processor().encode()):08x}"


def _processor() -> str:
    """Return what ``-march=native`` depends on."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    features = (line for line in lines if line.startswith(("flags", "Features")))
    return next(features, platform.machine())


@dataclass(frozen=True, slots=True)
class Installed:
    """What an environment was built from, as recorded in a file in it."""

    llama: Recipe
    project: int
    """Checksum of ``pyproject.toml`` and ``constraints.txt``."""
    extras: tuple[str, ...] = ()

    def has(self, wanted: "Installed") -> bool:
        """Return whether nothing needs to be done to get ``wanted``."""
        same = (self.llama, self.project) == (wanted.llama, wanted.project)
        return same and set(wanted.extras) <= set(self.extras)


def read_installed(path: Path) -> Installed | None:
    """Return the record; ``None`` if nothing is installed, or a run was interrupted."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return Installed(Recipe(**found["llama"]), found["project"], tuple(found["extras"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_installed(path: Path, installed: Installed) -> None:
    """Write the record."""
    path.write_text(json.dumps(asdict(installed), indent=2), encoding="utf-8")


def project_checksum(tree: Path) -> int:
    """Return a checksum of the files that list the required packages."""
    text = b"".join((tree / name).read_bytes() for name in ("pyproject.toml", "constraints.txt"))
    return zlib.crc32(text)
