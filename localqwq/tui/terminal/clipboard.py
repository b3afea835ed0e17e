"""Reliable copying: to the system's clipboard, tmux's, the terminal's, or a file."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from localqwq.locations import cache_directory

if TYPE_CHECKING:
    from textual.app import App

TOOL_SECONDS = 3.0
"""Seconds after which a tool counts as hanging, like xclip without its display."""
LONGEST_SEQUENCE = 74_000
"""Bytes; tmux and xterm drop what exceeds about 100,000 in base64."""


@dataclass(frozen=True, slots=True)
class Tool:
    """A program that copies its input to the system's clipboard."""

    command: tuple[str, ...]
    encoding: str = "utf-8"


def tools(environment: Mapping[str, str], platform: str) -> list[Tool]:
    """Return the tools that may work in this session, the best first.

    Over SSH the clipboard is on another machine, except that of a forwarded X display.
    """
    remote = bool(environment.get("SSH_CONNECTION") or environment.get("SSH_TTY"))
    found: list[Tool] = []
    if not remote:
        if platform == "darwin":
            found.append(Tool(("pbcopy",)))
        if environment.get("WSL_DISTRO_NAME"):
            found.append(Tool(("clip.exe",), "utf-16"))
        if environment.get("WAYLAND_DISPLAY"):
            found.append(Tool(("wl-copy",)))
    if environment.get("DISPLAY"):
        found.append(Tool(("xclip", "-selection", "clipboard")))
        found.append(Tool(("xsel", "--clipboard", "--input")))
    return found


TMUX = Tool(("tmux", "load-buffer", "-w", "-"))
"""Copies to tmux's own buffer, and to the clipboard of the terminal that tmux is in.

tmux drops an application's sequence for the terminal's clipboard unless configured otherwise.
"""


async def copy(app: App[Any], text: str) -> str:
    """Copy ``text`` as well as possible, and return a sentence on what was done.

    The system's clipboard counts if its tool confirms the text, and so does tmux's buffer. The
    terminal's clipboard confirms nothing, so the text is also written to a file.
    """
    if not text:
        return "There is nothing to copy here."
    for tool in tools(os.environ, sys.platform):
        if await _offer(tool, text):
            return f"Copied ({_size(text)})."
    path = await asyncio.to_thread(_write, text)
    if os.environ.get("TMUX") and await _offer(TMUX, text):
        also = "" if path is None else f"; it is also in {path}"
        return f"Copied into tmux (prefix ] pastes it), and sent on to its terminal{also}."
    if path is None:
        app.copy_to_clipboard(text)
        return "Sent to the terminal's clipboard, which does not confirm it."
    if len(text.encode()) > LONGEST_SEQUENCE:
        return f"Too long for the terminal's clipboard; it is in {path}."
    app.copy_to_clipboard(text)
    return f"Sent to the terminal's clipboard, which does not confirm it; it is also in {path}."


async def _offer(tool: Tool, text: str) -> bool:
    """Return whether a tool accepted the text."""
    name, *arguments = tool.command
    path = shutil.which(name)
    if path is None:
        return False
    nothing = asyncio.subprocess.DEVNULL
    try:
        # The tool may leave a process that holds the text; it must not hold our pipes.
        process = await asyncio.create_subprocess_exec(
            path, *arguments, stdin=asyncio.subprocess.PIPE, stdout=nothing, stderr=nothing
        )
    except OSError:  # on the path, but not executable here: try the next way
        return False
    try:
        await asyncio.wait_for(process.communicate(text.encode(tool.encoding)), TOOL_SECONDS)
    except TimeoutError:
        process.kill()
        await process.wait()
        return False
    return process.returncode == 0


def _write(text: str) -> Path | None:
    """Return the file with the last copied text; None if it cannot be written."""
    try:
        path = cache_directory() / "copied.txt"
        with open(path, "w", encoding="utf-8", opener=_private) as file:
            file.write(text)
    except OSError:  # a full disk: then only the terminal's clipboard is left
        return None
    return path


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _size(text: str) -> str:
    lines = text.count("\n") + 1
    return f"{lines:,} lines" if lines > 1 else f"{len(text):,} characters"
