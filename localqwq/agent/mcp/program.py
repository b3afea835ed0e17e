"""The program of a server as a job of the sandbox: found, with what it needs of its installation.

Programs from packages often lie in the home folder, which the sandbox does not show. What is
recognized as a program's installation is added: a virtual environment with its Python, the
``node_modules`` around a script, or the program's file alone.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

from localqwq.agent.mcp.entries import Entry
from localqwq.agent.mcp.rights import Rights
from localqwq.agent.sandbox.job import BackendName, Job, Limits
from localqwq.agent.sandbox.system import SYSTEM
from localqwq.errors import LocalqwqError
from localqwq.locations import expanded

LIMITS = Limits(seconds=None)
_USUAL = "/usr/local/bin:/usr/bin:/bin"
_MODULES = "node_modules"


def job_of(
    entry: Entry, rights: Rights, backend: BackendName, scratch: Path, user: int | None
) -> Job:
    """Return the job of an expanded entry.

    Raises :class:`LocalqwqError` if there is no such program.
    """
    program = program_of(entry)
    return Job(
        (str(program), *entry.arguments),
        backend,
        scratch,
        (
            *installation(program),
            *(folder.path for folder in rights.folders if not folder.writable),
        ),
        tuple(folder.path for folder in rights.folders if folder.writable),
        {"PATH": f"{program.parent}:{_USUAL}", **entry.environment},
        LIMITS,
        user,
        expanded(entry.cwd).resolve() if entry.cwd else None,
        rights.network,
    )


def program_of(entry: Entry) -> Path:
    """Return the program's absolute path. Raises :class:`LocalqwqError` if there is none."""
    found = shutil.which(expanded(entry.command))
    if found is None:
        raise LocalqwqError(
            f"The program {entry.command} of the server {entry.name} is not installed, or not in "
            "PATH."
        )
    return Path(found).absolute()


def installation(program: Path) -> tuple[Path, ...]:
    """Return the folders and files that a program needs to be started, besides the system's."""
    found = dict.fromkeys(_parts(program))
    return tuple(path for path in found if not _is_shown(path))


def hidden_arguments(entry: Entry, rights: Rights) -> list[str]:
    """Return the arguments that name files which the sandbox does not show."""
    shown = [folder.path for folder in rights.folders]
    if (program := shutil.which(expanded(entry.command))) is not None:
        shown += installation(Path(program).absolute())
    found = []
    for argument in entry.arguments:
        path = expanded(argument.rpartition("=")[2])
        if path.is_absolute() and path.exists():
            real = path.resolve()
            if not _is_shown(real) and not any(real.is_relative_to(one) for one in shown):
                found.append(argument)
    return found


def _parts(program: Path) -> Iterator[Path]:
    for path in (program, program.resolve()):
        prefix = path.parent.parent
        if (prefix / "pyvenv.cfg").is_file():
            yield prefix
            yield from _base(prefix / "pyvenv.cfg")
        elif _MODULES in path.parts:
            yield Path(*path.parts[: path.parts.index(_MODULES) + 1])
        else:
            yield path
    if (node := shutil.which("node")) is not None and program.resolve().suffix in (".js", ".mjs"):
        yield Path(node)
        yield Path(node).resolve()


def _base(settings: Path) -> Iterator[Path]:
    """Yield the installation of the Python that a virtual environment was made with."""
    for line in settings.read_text("utf-8", "replace").splitlines():
        name, _, value = line.partition("=")
        if name.strip() == "home" and value.strip():
            yield Path(value.strip()).resolve().parent


def _is_shown(path: Path) -> bool:
    """Return whether every program in the sandbox sees a path."""
    return any(path.is_relative_to(shown) for shown in SYSTEM)
