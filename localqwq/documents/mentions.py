"""Files mentioned in a prompt with ``@``, to be attached to it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

_MENTION = re.compile(r'(?:^|(?<=[\s(]))@(?:"([^"\n]+)"|([^\s"@]+))')
_ENDINGS = ".,;:!?)"
"""Characters that may follow a file name in a sentence."""


@dataclass(frozen=True, slots=True)
class Mentions:
    """The files that a prompt mentions."""

    files: tuple[Path, ...]
    missing: tuple[str, ...]
    """Names that look like files but do not exist."""


def mentions(text: str, folder: Path) -> Mentions:
    """Return the files mentioned as ``@name`` or ``@"a name"``, relative to ``folder``.

    An ``@`` before a word without dot and slash is a person's name, and one at the beginning of a
    line among several is a decorator, unless there is such a file.
    """
    files: dict[Path, None] = {}
    missing: dict[str, None] = {}
    for found in _MENTION.finditer(text):
        quoted, word = found[1], found[2]
        names = [quoted] if quoted else [word, word.rstrip(_ENDINGS)]
        path = next((path for name in names if (path := _path(name, folder))), None)
        if path is not None:
            files[path] = None
        elif quoted or _looks_like_file(names[-1], text, found.start()):
            missing[names[-1]] = None
    return Mentions(tuple(files), tuple(missing))


def _looks_like_file(word: str, text: str, start: int) -> bool:
    is_decorator = "\n" in text and (start == 0 or text[start - 1] == "\n")
    return ("/" in word or "." in word) and "(" not in word and not is_decorator


def _path(name: str, folder: Path) -> Path | None:
    """Return the file or folder with that name."""
    if not name:
        return None
    try:
        path = folder / Path(name).expanduser()
        return path if path.exists() else None
    except (OSError, ValueError, RuntimeError):
        return None
