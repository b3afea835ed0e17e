"""The meaning of a command line whose first word is not a command.

People use commands of similar programs, leave the command out, or mistype it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from localqwq.errors import LocalqwqError

_SAME = {
    "list": ["models"],
    "ls": ["models"],
    "show": ["models", "show"],
    "rm": ["models", "remove"],
    "remove": ["models", "remove"],
    "verify": ["models", "verify"],
    "add": ["models", "add"],
    "version": ["--version"],
    "download": ["pull"],
    "quantize": ["convert"],
    "create": ["convert"],
    "push": ["publish"],
}
"""Commands of other programs, and ours."""
_ACTIONS = {"list": ["models"], "ls": ["models"], "rm": ["models", "remove"], "pull": ["pull"]}
"""What people write after ``models``, and what it is here."""
_SETTINGS = (
    "settings are changed in the app, by /settings, or in their file, whose folder "
    "`localqwq doctor` shows"
)
_NONE = {"settings": _SETTINGS, "config": _SETTINGS}
"""Commands without an equivalent, and why."""


class UnknownCommandError(LocalqwqError):
    """The first word is neither a command nor a model; the sentence says what may be meant."""


def with_command(words: Sequence[str], commands: Iterable[str]) -> list[str]:
    """Return the command line starting with one of ``commands``, ``-h`` or ``--version``.

    Raises:
        UnknownCommandError: the meaning is unknown.
    """
    first, rest = (words[0], list(words[1:])) if words else ("chat", [])
    if first == "models" and rest and rest[0] in _ACTIONS:
        return [*_ACTIONS[rest[0]], *rest[1:]]
    if first in commands or first in ("-h", "--help", "--version"):
        return [first, *rest]
    if first.startswith("-"):
        return ["chat", first, *rest]
    if first == "help":
        return _help(rest, commands)
    if first == "run":
        return _run(rest)
    if first in _SAME:
        return [*_SAME[first], *rest]
    if first in _NONE:
        raise UnknownCommandError(f"There is no command {first}: {_NONE[first]}.")
    if _is_model(first):
        return ["chat", first, *rest]
    raise UnknownCommandError(_unknown(first, commands))


def _help(rest: list[str], commands: Iterable[str]) -> list[str]:
    """Translate ``help COMMAND``, also for commands of other programs."""
    if not rest:
        return ["--help"]
    command = "chat" if rest[0] == "run" else rest[0]
    if command not in commands and command not in _SAME:
        raise UnknownCommandError(_unknown(command, commands))
    return [*_SAME.get(command, [command]), *rest[1:], "--help"]


def _run(rest: list[str]) -> list[str]:
    """Translate Ollama's ``run MODEL [PROMPT]``: a chat, or one answer."""
    given = [word for word in rest if not word.startswith("-")]
    if len(given) < 2 or rest[0].startswith("-"):
        return ["chat", *rest]
    return ["ask", "-m", *rest]


def _is_model(word: str) -> bool:
    from localqwq.demo import is_demo
    from localqwq.locations import packs_directory
    from localqwq.packs.catalogue import named

    name = word.partition(":")[0]
    return (
        is_demo(word)
        or word.lower().endswith(".gguf")
        or (name.isprintable() and "/" not in name and (packs_directory() / name).is_dir())
        or named(word) is not None
        or Path(word).is_file()
    )


def _unknown(word: str, commands: Iterable[str]) -> str:
    """Return a sentence about a word that means nothing, with what is written like it."""
    from difflib import get_close_matches

    from localqwq.packs.catalogue import similar

    if " " in word.strip():
        return 'A question needs a command before it: localqwq ask "…".'
    close = get_close_matches(word, [*commands, *_SAME, "run", "help"], 1)
    if close:
        return f"There is no command {word}: did you mean {close[0]}?"
    if near := similar(word):
        return f"There is no command and no model {word}: did you mean {near}?"
    return f"There is no command {word}, and no model of that name: see `localqwq --help`."
