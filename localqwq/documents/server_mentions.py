"""What a prompt mentions of MCP servers: ``@server:uri`` and ``/server:prompt``."""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Sequence
from dataclasses import dataclass

_MENTION = re.compile(r'(?:^|(?<=[\s(]))@(?:"([^":\n]+):([^"\n]+)"|([^\s":@]+):([^\s"]+))')
_CALL = re.compile(r"/([^\s:/]+):(\S+)(?:\s+(.*))?", re.DOTALL)
_ENDINGS = ".,;!?)"
"""Characters that may follow a mention in a sentence."""


@dataclass(frozen=True, slots=True)
class ServerPrompt:
    """A prompt of a server that was called."""

    server: str
    name: str
    words: str
    """What was typed after its name."""


def mentioned_resources(text: str, servers: Collection[str]) -> list[tuple[str, str]]:
    """Return the resources of these servers that a text mentions: server and URI, each once."""
    found: dict[tuple[str, str], None] = {}
    for match in _MENTION.finditer(text):
        server = match[1] or match[3]
        uri = match[2] or match[4].rstrip(_ENDINGS)
        if server in servers and uri:
            found[server, uri] = None
    return list(found)


def called_prompt(text: str, servers: Collection[str]) -> ServerPrompt | None:
    """Return the prompt that a text calls, such as ``/git:commit-message area=docs``."""
    match = _CALL.fullmatch(text.strip())
    if match is None or match[1] not in servers:
        return None
    return ServerPrompt(match[1], match[2], (match[3] or "").strip())


def prompt_arguments(words: str, names: Sequence[str]) -> dict[str, str]:
    """Return the arguments in the words after a prompt's name; ``names``: those that it takes.

    ``name=value`` gives one, other words fill those that are left, in order; the last takes the
    rest.
    """
    try:
        parts = shlex.split(words)
    except ValueError:  # an apostrophe, for example
        parts = words.split()
    given: dict[str, str] = {}
    free: list[str] = []
    for part in parts:
        name, equals, value = part.partition("=")
        if equals and name in names:
            given[name] = value
        else:
            free.append(part)
    left = [name for name in names if name not in given]
    for name in left[:-1]:
        if free:
            given[name] = free.pop(0)
    if left and free:
        given[left[-1]] = " ".join(free)
    return given
