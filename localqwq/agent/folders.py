"""Folders that a person opened for the tools of a conversation, and reaching files only in them.

A path is resolved first and then walked again, folder by folder and without following links: what
is swapped for a link in the meantime is refused instead of followed.
"""

import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from localqwq.agent.tool import ToolFailed
from localqwq.errors import LocalqwqError
from localqwq.locations import config_directory, data_directory, expanded, lasting_cache

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_WRITABLE = ":rw"


@dataclass(frozen=True, slots=True)
class Folder:
    """An opened folder."""

    path: Path
    """Without links."""
    writable: bool = False

    def __str__(self) -> str:
        return f"{self.path}{_WRITABLE if self.writable else ''}"


@dataclass(frozen=True, slots=True)
class Place:
    """A path in an opened folder."""

    folder: Folder
    parts: tuple[str, ...]
    """Below the folder; empty for the folder itself."""

    @property
    def path(self) -> Path:
        """The whole path."""
        return self.folder.path.joinpath(*self.parts)

    @contextmanager
    def parent(self, *, create: bool = False) -> Iterator[int]:
        """Yield a descriptor of the folder that contains it; missing ones are made on request."""
        with _entered(self.folder.path, self.parts[:-1], create=create) as descriptor:
            yield descriptor

    @contextmanager
    def opened(self, flags: int = os.O_RDONLY) -> Iterator[int]:
        """Yield a descriptor of the file, which must be an ordinary one."""
        if not self.parts:
            raise ToolFailed(f"{self.path} is a folder.")
        with self.parent() as folder:
            try:
                descriptor = os.open(self.parts[-1], flags | _FILE, dir_fd=folder)
            except OSError as error:
                raise _failed(self.path, error) from None
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise ToolFailed(f"{self.path} is not a file.")
            yield descriptor
        finally:
            os.close(descriptor)


class Folders:
    """The folders of one conversation."""

    def __init__(self, folders: Sequence[Folder] = ()) -> None:
        self.all = tuple(folders)

    def place(self, text: str, *, writing: bool = False) -> Place:
        """Return where a path of the model is; relative ones begin in the first folder.

        Raises :class:`ToolFailed` if it is in no opened folder, or not in one for ``writing``.
        """
        if not self.all:
            raise ToolFailed("No folder is open for you.")
        if "\0" in text:
            raise ToolFailed("A path cannot contain a zero character.")
        try:
            real = Path(os.path.realpath(self.all[0].path / text))
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "it is not valid"
            raise ToolFailed(f"{text!r} is not a valid path here: {reason}.") from None
        containing = [folder for folder in self.all if real.is_relative_to(folder.path)]
        if not containing:
            known = ", ".join(map(str, self.all))
            raise ToolFailed(f"{text} is in no folder that is open for you, which are: {known}.")
        # The innermost one counts.
        folder = max(containing, key=lambda one: len(one.path.parts))
        if writing and not folder.writable:
            raise ToolFailed(f"{folder.path} is open for reading only.")
        return Place(folder, real.relative_to(folder.path).parts)


def opened_folder(text: str) -> Folder:
    """Return the folder that a person named: ``PATH`` for reading, ``PATH:rw`` for writing, too.

    Raises :class:`LocalqwqError` if there is none.
    """
    writable = text.endswith(_WRITABLE)
    path = expanded(text.removesuffix(_WRITABLE) if writable else text)
    if not path.is_dir():
        raise LocalqwqError(f"{path} is not a folder, so it cannot be opened for tools.")
    real = path.resolve()
    if real == real.parent:
        raise LocalqwqError("The whole disk cannot be opened for tools; name a folder.")
    if writable and (inside := _own_inside(real)) is not None:
        what = "it" if real.is_relative_to(inside) else f"{inside} in it"
        raise LocalqwqError(
            f"{real} cannot be opened for writing: {what} belongs to localqwq itself, and "
            "tools could change what they may do; name another folder."
        )
    return Folder(real, writable)


def _own_inside(folder: Path) -> Path | None:
    """Return what belongs to localqwq in a folder, or around it; None if nothing does."""
    own = (data_directory(), config_directory(), lasting_cache(), Path(__file__).parents[1])
    for place in (path.resolve() for path in own if path is not None):
        if place.is_relative_to(folder) or folder.is_relative_to(place):
            return place
    return None


@contextmanager
def _entered(root: Path, parts: Sequence[str], *, create: bool) -> Iterator[int]:
    descriptor = os.open(root, _FOLDER)
    try:
        for number, name in enumerate(parts, 1):
            try:
                inner = _step(descriptor, name, create=create)
            except OSError as error:
                raise _failed(root.joinpath(*parts[:number]), error) from None
            os.close(descriptor)
            descriptor = inner
        yield descriptor
    finally:
        os.close(descriptor)


def _step(folder: int, name: str, *, create: bool) -> int:
    try:
        return os.open(name, _FOLDER, dir_fd=folder)
    except FileNotFoundError:
        if not create:
            raise
    os.mkdir(name, dir_fd=folder)
    return os.open(name, _FOLDER, dir_fd=folder)


def _failed(path: Path, error: OSError) -> ToolFailed:
    return ToolFailed(f"{path}: {error.strerror}.")
