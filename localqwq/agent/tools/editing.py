"""Writing and editing files in folders that were opened for it."""

import difflib
import os
import secrets
import stat
from collections.abc import Callable
from contextlib import suppress
from typing import Annotated

from pydantic import Field

from localqwq.agent.folders import Folders, Place
from localqwq.agent.functions import function_tool
from localqwq.agent.tool import AgentTool, Arguments, Effect, ToolFailed
from localqwq.agent.tools.files import folder_of, text_of
from localqwq.durable import sync

_MODE = 0o644
_PathText = Annotated[str, Field(description="A path in a folder that is open for writing.")]


def tools(folders: Folders) -> list[AgentTool]:
    """Return the tools for these folders."""

    def write_file(
        path: _PathText, content: Annotated[str, Field(description="The whole new text.")]
    ) -> str:
        """Create a text file, or replace all of it."""
        place = folders.place(path, writing=True)
        _write(place, content)
        return f"{place.path} now has {len(content.splitlines())} lines."

    def edit_file(
        path: _PathText,
        old: Annotated[str, Field(min_length=1, description="Text that occurs exactly once.")],
        new: Annotated[str, Field(description="The text to put in its place.")],
    ) -> str:
        """Replace a text in a file."""
        place = folders.place(path, writing=True)
        _write(place, _edited(place, old, new))
        return f"{place.path} was changed."

    def written(arguments: Arguments) -> str:
        place = folders.place(arguments["path"], writing=True)
        return f"write {place.path}:\n{_difference(_before(place), arguments['content'])}"

    def edited(arguments: Arguments) -> str:
        place = folders.place(arguments["path"], writing=True)
        after = _edited(place, arguments["old"], arguments["new"])
        return f"change {place.path}:\n{_difference(_before(place), after)}"

    return [_changing(write_file, folders, written), _changing(edit_file, folders, edited)]


def _changing(
    function: Callable[..., str], folders: Folders, difference: Callable[[Arguments], str]
) -> AgentTool:
    def in_words(arguments: Arguments) -> str:
        try:
            return difference(arguments)
        except ToolFailed as failure:  # nothing will happen
            return f"{function.__name__} {arguments['path']!r}, which is impossible: {failure}"

    return function_tool(
        function,
        effect=Effect.CHANGE,
        significant=lambda arguments: folder_of(folders, arguments),
        in_words=in_words,
    )


def _before(place: Place) -> str:
    try:
        return text_of(place)
    except ToolFailed:
        return ""


def _edited(place: Place, old: str, new: str) -> str:
    before = text_of(place)
    if (count := before.count(old)) != 1:
        raise ToolFailed(f"The text to replace occurs {count} times in {place.path}, not once.")
    return before.replace(old, new)


def _difference(before: str, after: str) -> str:
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=2)
    return "\n".join([line for line in lines if not line.startswith(("---", "+++"))])


def _write(place: Place, content: str) -> None:
    """Replace a file at once: nobody sees half of it."""
    if not place.parts:
        raise ToolFailed(f"{place.path} is a folder.")
    name = place.parts[-1]
    temporary = f".{name[:100]}.{secrets.token_hex(4)}"
    with place.parent(create=True) as folder:
        try:
            mode = _mode(name, folder)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            descriptor = os.open(temporary, flags, mode, dir_fd=folder)
            with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
                file.write(content)
                file.flush()
                sync(file.fileno())
                os.fchmod(file.fileno(), mode)
            os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
        except (OSError, UnicodeEncodeError) as error:
            with suppress(OSError):
                os.unlink(temporary, dir_fd=folder)
            reason = error.strerror if isinstance(error, OSError) else "it is not valid text"
            raise ToolFailed(f"{place.path} cannot be written: {reason}.") from None


def _mode(name: str, folder: int) -> int:
    """Return the permissions of the existing file, or those of a new one."""
    try:
        found = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return _MODE
    if not stat.S_ISREG(found.st_mode):
        raise ToolFailed(f"{name} is not a file.")
    return stat.S_IMODE(found.st_mode)
