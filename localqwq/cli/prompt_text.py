"""The prompt of ``ask``: its arguments, stdin, and what is mentioned with ``@``.

Without a prompt argument, stdin is read from a pipe, a file or a terminal. With one, it is read
only from a pipe or a file, and precedes the prompt like the app's attachments.
"""

from __future__ import annotations

import os
import select
import stat
import sys
from collections.abc import Sequence
from pathlib import Path

from localqwq.conversations.turns import Attachment, fenced, with_attachments
from localqwq.errors import LocalqwqError

_WONDER_SECONDS = 1.0
"""Seconds of waiting before saying what is awaited."""


def prompt_text(words: Sequence[str]) -> str:
    """Return the prompt from ``words`` and stdin; without words, stdin is all of it.

    Raises:
        LocalqwqError: a mentioned file does not exist or cannot be read.
    """
    if not words:
        return _read_stdin()
    text = " ".join(words)
    files = _mentioned(text)
    given = _read_stdin() if _is_piped() else ""
    text = with_attachments(files, text)
    return f"{fenced(given)}\n\n{text}" if given.strip() else text


def _mentioned(text: str) -> list[Attachment]:
    from localqwq.documents.mentions import mentions

    found = mentions(text, Path.cwd())
    attached = _resources(found.missing)
    if not found.files:
        return attached
    from localqwq.documents.reading import read

    for path in found.files:
        extract = read(path)
        attached.append(Attachment(path.name, extract.text))
        for remark in extract.remarks:
            print(f"{path.name}: {remark}.", file=sys.stderr)
    return attached


def _resources(names: Sequence[str]) -> list[Attachment]:
    """Return what MCP servers have under names like ``server:uri``."""
    if not names:
        return []
    from localqwq.cli.ask_servers import read_resources, server_prefixes

    prefixes = server_prefixes() if any(":" in name for name in names) else []
    for name in names:
        if name.partition(":")[0] not in prefixes:
            raise LocalqwqError(
                f"There is no file {name}: correct the name after @, or pass the prompt on stdin, "
                "where @ has no special meaning."
            )
    return read_resources(names)


def _is_piped() -> bool:
    """Return whether stdin is a pipe or a file, connected on purpose."""
    try:
        mode = os.fstat(sys.stdin.fileno()).st_mode
    except (OSError, ValueError):
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISREG(mode)


def _read_stdin() -> str:
    if sys.stdin.isatty():
        print("Type the prompt and end it with Ctrl-D.", file=sys.stderr)
    elif _is_piped() and not select.select([sys.stdin], [], [], _WONDER_SECONDS)[0]:
        print("Waiting for the end of stdin …", file=sys.stderr)
    return sys.stdin.buffer.read().decode("utf-8", errors="replace")
