"""Where a program in the sandbox works, as whom, and which Python it can use."""

import os
import random
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

_USERS = range(61_184, 65_520)
"""User numbers that systems assign to services for the time that they run."""
_PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A Python for programs in the sandbox."""

    words: tuple[str, ...]
    """The beginning of a command."""
    folders: tuple[Path, ...]
    """What it needs to read besides the system."""


def sandbox_user() -> int | None:
    """Return the number of a user who owns nothing; None unless this is root and there can be one.

    Root would be bound by neither the number of processes nor the permissions of files. In a
    namespace of users, root may be the only one: it then has no rights outside.
    """
    if os.geteuid() != 0 or sys.platform != "linux":
        return None
    taken = set()
    for process in _PROC.iterdir():
        with suppress(OSError):  # it has ended meanwhile
            taken.add(process.stat().st_uid)
    free = [number for number in _mapped_users() if number not in taken]
    return random.choice(free) if free else None


def _mapped_users() -> list[int]:
    """Return the numbers that can be become here."""
    ranges = []
    for line in Path("/proc/self/uid_map").read_text("ascii").splitlines():
        first, _, count = map(int, line.split())
        ranges.append(range(first, first + count))
    return [number for number in _USERS if any(number in one for one in ranges)]


@contextmanager
def scratch_folder(user: int | None) -> Iterator[Path]:
    """Yield an empty folder that belongs to the program, and is deleted afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="localqwq-sandbox-")).resolve()
    try:
        if user is not None:
            os.chown(folder, user, user)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def interpreter() -> Interpreter | None:
    """Return the Python to use: this one, else the system's; None if neither can be reached.

    As root, programs run as a user who may not enter a home folder, where this one may be.
    """
    own = tuple(dict.fromkeys(Path(prefix) for prefix in (sys.prefix, sys.base_prefix)))
    if _is_free(Path(sys.executable)) and all(map(_is_free, own)):
        return Interpreter((sys.executable, "-I"), own)
    system = Path("/usr/bin/python3")
    return Interpreter((str(system), "-I"), ()) if system.exists() else None


def _is_free(path: Path) -> bool:
    """Return whether the sandbox's user can reach a path: whoever is not root remains who it is."""
    if os.geteuid() != 0 or sys.platform != "linux" or not _mapped_users():
        return True
    real = path.resolve()
    try:
        return all(place.stat().st_mode & 0o001 for place in (real, *real.parents))
    except OSError:
        return False
