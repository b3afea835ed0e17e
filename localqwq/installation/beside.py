"""llama.cpp for another backend, beside the installed one, for tests on devices."""

import os
import shutil
import sys
import zipfile
from pathlib import Path

from localqwq.errors import LocalqwqError
from localqwq.installation.build import LlamaBuild, pinned
from localqwq.installation.compiler import find_compiler
from localqwq.installation.recipe import Recipe
from localqwq.installation.remedies import package_manager, remedy
from localqwq.installation.status_line import StatusLine

LIBRARIES = "LLAMA_CPP_LIB_PATH"
"""The variable that tells the binding where its libraries are."""
_INSIDE = "llama_cpp/lib/"
"""Their path in the wheel."""


def libraries_for(tree: Path, recipe: Recipe) -> Path:
    """Return the folder with the libraries of ``recipe``, compiling them if needed.

    It is in ``build/`` of the source tree ``tree``; the installed llama.cpp is not changed.

    Raises:
        LocalqwqError: it cannot be compiled; the sentence says why and what to do.
    """
    folder = tree / "build" / f"llama-{recipe.backend}-{recipe.key}"
    if not folder.is_dir():
        if find_compiler() is None:
            raise LocalqwqError(remedy("compiler", manager=package_manager()))
        print(f"Compiling llama.cpp for {recipe.backend} into {folder}; what is installed stays.")
        _unpack(_wheel(tree, recipe), folder)
    return folder


def _wheel(tree: Path, recipe: Recipe) -> Path:
    wheels = tree / "build" / "wheels" / recipe.key
    wheels.parent.mkdir(parents=True, exist_ok=True)
    line = StatusLine(sys.stdout)
    if not list(wheels.glob("*.whl")):
        llama = LlamaBuild(recipe, wheels, tree / "build" / "llama-build.log", pinned(tree))
        try:
            while llama.is_running():
                line.show(llama.doing(), llama.how_far())
        finally:
            llama.program.stop()
            line.end()
    return next(wheels.glob("*.whl"))


def _unpack(wheel: Path, folder: Path) -> None:
    """Extract the wheel's libraries to ``folder`` atomically."""
    unfinished = folder.with_suffix(".part")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            if name.startswith(_INSIDE) and not name.endswith("/"):
                with archive.open(name) as source, (unfinished / Path(name).name).open("wb") as out:
                    shutil.copyfileobj(source, out)
    unfinished.rename(folder)
    shutil.rmtree(wheel.parent)


def run_with(libraries: Path | None, command: list[str]) -> None:
    """Replace this process with ``command``, which loads llama.cpp from ``libraries``.

    ``None`` means the installed one. Raises :class:`LocalqwqError` if there is no such program.
    """
    environment = dict(os.environ)
    if libraries is not None:
        environment[LIBRARIES] = str(libraries)
    sys.stdout.flush()
    try:
        os.execvpe(command[0], command, environment)
    except OSError as error:
        raise LocalqwqError(f"{command[0]} cannot be run: {error.strerror}.") from None
