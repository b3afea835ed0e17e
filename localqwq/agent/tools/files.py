"""Reading, listing and searching files in opened folders."""

import os
from collections.abc import Callable, Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Annotated

from pydantic import Field

from localqwq.agent.folders import Folders, Place
from localqwq.agent.functions import function_tool
from localqwq.agent.results import MOST
from localqwq.agent.tool import AgentTool, Arguments, Effect, ToolFailed

_LISTED = 2_000
"""Entries of a list."""
_FOUND = 200
"""Lines that a search returns."""
_SEARCHED = 2_000_000
"""Bytes of a file that is searched; larger ones are left out."""
_LINE = 300
"""Characters of a line that is shown."""
_IGNORED = {".git", "__pycache__", "node_modules", ".venv"}

_PathText = Annotated[str, Field(description="A path in an opened folder.")]
_Pattern = Annotated[str, Field(description="Only names like this, such as *.py; * for all.")]


def tools(folders: Folders) -> list[AgentTool]:
    """Return the tools for these folders."""

    def read_file(path: _PathText) -> str:
        """Read a text file."""
        return text_of(folders.place(path))

    def list_files(folder: _PathText = ".", pattern: _Pattern = "*") -> str:
        """List the files in a folder and all folders in it."""
        place = folders.place(folder)
        lines: list[str] = []
        for path, size in _files(place, pattern):
            if len(lines) == _LISTED:
                lines.append(f"… and more than these {_LISTED}")
                break
            lines.append(f"{path.relative_to(place.path)} ({size:,} bytes)")
        return "\n".join(lines) or "There is no such file."

    def search_files(
        text: Annotated[str, Field(min_length=1, description="The text, in any case.")],
        folder: _PathText = ".",
        pattern: _Pattern = "*",
    ) -> str:
        """Find the lines of text files that contain a text."""
        place = folders.place(folder)
        lines: list[str] = []
        for line in _matches(place, text.lower(), pattern):
            if len(lines) == _FOUND:
                lines.append(f"… and more than these {_FOUND}")
                break
            lines.append(line)
        return "\n".join(lines) or "No line contains it."

    return [
        _reading(read_file, folders),
        *(_reading(one, folders) for one in (list_files, search_files)),
    ]


def text_of(place: Place) -> str:
    """Return a file's text; raises :class:`ToolFailed` if it is not a text file."""
    with place.opened() as descriptor:
        try:
            with os.fdopen(os.dup(descriptor), "rb") as file:
                raw = file.read(4 * MOST)
        except OSError as error:
            raise ToolFailed(f"{place.path}: {error.strerror}.") from None
    if b"\0" in raw[:8_000]:
        raise ToolFailed(f"{place.path} is not a text file.")
    return raw.decode("utf-8", "replace")


def folder_of(folders: Folders, arguments: Arguments) -> tuple[str, ...]:
    """Return the opened folder that a call is about, to which permissions are limited."""
    text = arguments.get("path") or arguments.get("folder") or "."
    try:
        return (str(folders.place(str(text)).folder),)
    except ToolFailed:
        return ("",)


def _reading(function: Callable[..., str], folders: Folders) -> AgentTool:
    def in_words(arguments: Arguments) -> str:
        known = ", ".join(str(folder.path) for folder in folders.all)
        return f"{function.__name__} {_named(arguments)}, and others in {known}"

    return function_tool(
        function,
        effect=Effect.READ,
        significant=lambda arguments: folder_of(folders, arguments),
        in_words=in_words,
        long_results=True,
    )


def _named(arguments: Arguments) -> str:
    return " ".join(repr(value) for value in arguments.values())


def _files(place: Place, pattern: str) -> Iterator[tuple[Path, int]]:
    """Yield the files below a place whose names match, with their sizes; links are not followed."""
    for folder, names, files in os.walk(place.path):
        names[:] = sorted(name for name in names if name not in _IGNORED)
        for name in sorted(files):
            if fnmatch(name, pattern):
                path = Path(folder, name)
                try:
                    yield path, path.lstat().st_size
                except OSError:
                    continue


def _matches(place: Place, text: str, pattern: str) -> Iterator[str]:
    for path, size in _files(place, pattern):
        if size > _SEARCHED:
            continue
        below = path.relative_to(place.folder.path).parts
        try:
            lines = text_of(Place(place.folder, below)).splitlines()
        except ToolFailed:
            continue
        for number, line in enumerate(lines, 1):
            if text in line.lower():
                yield f"{path.relative_to(place.path)}:{number}: {line.strip()[:_LINE]}"
