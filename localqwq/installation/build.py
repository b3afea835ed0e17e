"""Installing localqwq into an environment; llama.cpp is compiled while the rest is downloaded."""

import os
import shutil
import sys
import time
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path

from localqwq.errors import LocalqwqError
from localqwq.installation.backends import LLAMA
from localqwq.installation.build_log import COMPILING, BuildLog, readable_time, seconds_left
from localqwq.installation.compiler import find_compiler
from localqwq.installation.processes import Program
from localqwq.installation.recipe import Recipe, cache_option
from localqwq.installation.remedies import package_manager, remedy
from localqwq.installation.status_line import StatusLine

_PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check")


def install(tree: Path, venv: Path, extras: Sequence[str], recipe: Recipe | None) -> None:
    """Install the source tree ``tree`` with ``extras``; without ``recipe``, llama.cpp is kept.

    Raises:
        LocalqwqError: a step failed; the sentence says why and what to do.
    """
    line = StatusLine(sys.stdout)
    versions = pinned(tree)
    if recipe and find_compiler() is None:
        raise LocalqwqError(remedy("compiler", manager=package_manager()))
    programs: list[Program] = []
    try:
        others = _Packages(_other_requirements(tree, extras), versions)
        programs.append(others.program)
        if recipe:
            # Once built, the wheel is kept until everything is installed, whatever happens.
            wheels = venv / "wheels" / recipe.key
            if not list(wheels.glob("*.whl")):
                llama = LlamaBuild(recipe, wheels, venv / "llama-build.log", versions)
                programs.append(llama.program)
                while llama.is_running() | others.is_running():
                    line.show(llama.doing(), f"{llama.how_far()}; {others.doing()}")
            line.show("installing llama.cpp")
            _pip("install", "-q", "--force-reinstall", "--no-deps", *map(str, wheels.glob("*.whl")))
        while others.is_running():
            line.show(others.doing())
        line.show("installing localqwq itself")
        names = f"[{','.join(extras)}]" if extras else ""
        _pip("install", "-q", *versions, "-e", f"{tree}{names}")
        shutil.rmtree(venv / "wheels", ignore_errors=True)
    finally:
        for program in programs:
            program.stop()
        line.end()


def pinned(tree: Path) -> list[str]:
    """Return pip's options for the versions that ``tree`` was tested with."""
    return ["-c", f"{tree}/constraints.txt", "--build-constraint", f"{tree}/constraints.txt"]


def _other_requirements(tree: Path, extras: Sequence[str]) -> list[str]:
    """Return every requirement except llama.cpp, which is our own wheel."""
    project = tomllib.loads((tree / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = list(project["dependencies"])
    for extra in extras:
        wanted += project["optional-dependencies"][extra]
    return [line for line in wanted if not line.startswith(LLAMA)]


class LlamaBuild:
    """The build of llama.cpp's wheel."""

    def __init__(self, recipe: Recipe, wheels: Path, log_path: Path, versions: list[str]) -> None:
        """Start building into ``wheels``; all output goes to ``log_path``."""
        self._backend, self._log, self._log_path = recipe.backend, BuildLog(), log_path
        self._compiling_since: float | None = None
        command = [*_PIP, "wheel", "-v", "--no-deps", "--no-binary", LLAMA, "-w", str(wheels)]
        command += [cache_option(recipe), *versions, f"{LLAMA}=={recipe.version}"]
        environment = {**os.environ, **recipe.flags, "CMAKE_ARGS": recipe.options}
        self.program = Program(command, self._keeping(log_path), environment)

    def _keeping(self, path: Path) -> Callable[[str], None]:
        record = path.open("w", encoding="utf-8", buffering=1)

        def take_line(text: str) -> None:
            record.write(text)
            self._log.feed(text)

        return take_line

    def is_running(self) -> bool:
        """Wait a moment and return whether it is running; raises :class:`LocalqwqError` if it
        failed.
        """
        code = self.program.wait(0.25)
        if code:
            raise LocalqwqError(self._why())
        return code is None

    def doing(self) -> str:
        """Return the current stage."""
        return f"llama.cpp for {self._backend}: {self._log.stage}"

    def how_far(self) -> str:
        """Return how much of the stage is done, and the remaining time."""
        done, total = self._log.done, self._log.total
        if self._log.stage != COMPILING:
            return ""
        now = time.monotonic()
        self._compiling_since = self._compiling_since or now
        rest = seconds_left(done, total, now - self._compiling_since)
        left = f", about {readable_time(rest)} left" if rest is not None else ""
        return f" {done} of {total}{left}"

    def _why(self) -> str:
        if self._log.missing:
            return remedy(*self._log.missing, manager=package_manager())
        if self._log.cause:
            return f"llama.cpp was not installed: {self._log.cause}."
        print("", *self._log.evidence(), sep="\n", file=sys.stderr)
        return f"llama.cpp was not installed; the lines above and {self._log_path} say why."


class _Packages:
    """The installation of packages that need no compiler."""

    def __init__(self, requirements: Sequence[str], options: Sequence[str]) -> None:
        self._said: list[str] = []
        command = [*_PIP, "install", "-q", *options, *requirements]
        self.program = Program(command, self._said.append)
        self._code: int | None = None

    def is_running(self) -> bool:
        """Wait a moment and return whether it is running; raises :class:`LocalqwqError` if pip
        failed.
        """
        self._code = self.program.wait(0.25)
        if self._code:
            raise LocalqwqError(_why_pip_failed(self._said))
        return self._code is None

    def doing(self) -> str:
        return "other packages " + ("ready" if self._code == 0 else "on the way")


def _pip(*arguments: str) -> None:
    """Run pip to its end."""
    said: list[str] = []
    program = Program([*_PIP, *arguments], said.append)
    try:
        while (code := program.wait(0.5)) is None:
            pass
    finally:
        program.stop()
    if code:
        raise LocalqwqError(_why_pip_failed(said))


def _why_pip_failed(said: list[str]) -> str:
    log = BuildLog()
    for text in said:
        log.feed(text)
    if log.cause:
        return f"localqwq's packages were not installed: {log.cause}."
    print("", *(text.rstrip() for text in said[-12:]), sep="\n", file=sys.stderr)
    return "localqwq's packages were not installed; the lines above say why."
