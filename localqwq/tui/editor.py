"""Editing long prompts in the person's own editor."""

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
"""Tried if no editor is configured."""


def editor_command(environment: Mapping[str, str] = os.environ) -> list[str]:
    """Return the configured editor with its arguments.

    Raises:
        LocalqwqError: none is configured, and none of the usual ones exists.
    """
    for variable in ("VISUAL", "EDITOR"):
        if wanted := environment.get(variable, "").strip():
            try:
                return shlex.split(wanted)
            except ValueError as error:
                raise LocalqwqError(f"{variable} cannot be parsed: {error}.") from error
    found = next((name for name in _USUAL if shutil.which(name)), None)
    if found is None:
        raise LocalqwqError("No editor was found: set EDITOR to the one you want.")
    return [found]


async def edited(app: App[Any], text: str) -> str:
    """Return the text after editing; the app leaves the terminal to the editor meanwhile.

    Answers continue. Raises LocalqwqError if the text must not or cannot be changed.
    """
    command = editor_command()
    try:
        with app.suspend(), _keys_are_the_editors():
            # The app resumes only after a block without an error.
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
            raise LocalqwqError(f"{command[0]} ended with code {code}: the prompt is unchanged.")
        return path.read_text("utf-8", errors="replace").removesuffix("\n")


@contextmanager
def _keys_are_the_editors() -> Iterator[None]:
    """Ignore Ctrl+C and Ctrl+\\, which are meant for the editor but reach this process, too."""
    names = ("SIGINT", "SIGQUIT")
    numbers = [getattr(signal, name) for name in names if hasattr(signal, name)]
    before = {number: signal.signal(number, lambda *_: None) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
