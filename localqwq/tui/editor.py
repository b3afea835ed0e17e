"""The person's own editor, for a prompt that outgrows a few lines."""

from __future__ import annotations

import asyncio
import os
import shlex
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from textual.app import App, SuspendNotSupported

from localqwq.errors import LocalqwqError

_USUAL = ("nano", "vim", "vi")
"""Where nobody names an editor."""


def editor_command(environment: Mapping[str, str] = os.environ) -> list[str]:
    """The editor that is wanted, with its arguments.

    Raises:
        LocalqwqError: none is named, and none of the usual ones is there.
    """
    for variable in ("VISUAL", "EDITOR"):
        if wanted := environment.get(variable, "").strip():
            try:
                return shlex.split(wanted)
            except ValueError as error:
                raise LocalqwqError(f"{variable} cannot be understood: {error}.") from error
    found = next((name for name in _USUAL if shutil.which(name)), None)
    if found is None:
        raise LocalqwqError("No editor was found: set EDITOR to the one that you want.")
    return [found]


async def edited(app: App[Any], text: str) -> str:
    """The text as it is when the editor is closed; the app leaves the terminal to it meanwhile.

    Answers go on. Raises LocalqwqError where the text is not to be changed, or cannot be.
    """
    command = editor_command()
    try:
        with app.suspend(), _keys_are_the_editors():
            # The app comes back only from a block without an error.
            [outcome] = await asyncio.gather(
                asyncio.to_thread(_edited, command, text), return_exceptions=True
            )
    except SuspendNotSupported as error:
        raise LocalqwqError("The editor needs a terminal of its own.") from error
    if isinstance(outcome, OSError):
        raise LocalqwqError(
            f"{command[0]} could not be used ({outcome.strerror}): set EDITOR to another editor."
        ) from outcome
    if isinstance(outcome, BaseException):
        raise outcome
    return outcome


def _edited(command: list[str], text: str) -> str:
    with tempfile.TemporaryDirectory(prefix="localqwq-") as folder:
        path = Path(folder, "prompt.md")
        path.write_text(f"{text}\n" if text else "", "utf-8")
        code = subprocess.call([*command, str(path)])
        if code:
            raise LocalqwqError(f"{command[0]} ended with code {code}: the prompt is as before.")
        return path.read_text("utf-8", errors="replace").removesuffix("\n")


@contextmanager
def _keys_are_the_editors() -> Iterator[None]:
    """Ctrl+C and Ctrl+\\ in the editor reach this process, too, and are not meant for it."""
    names = ("SIGINT", "SIGQUIT")
    numbers = [getattr(signal, name) for name in names if hasattr(signal, name)]
    before = {number: signal.signal(number, lambda *_: None) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
