"""Entries of ``mcp.json``: how a server is started or reached, and what it asks for; pure."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

from localqwq.errors import LocalqwqError

TABLES = ("mcpServers", "servers")
"""The names of the table of servers: most programs', and Visual Studio Code's."""
_OWN = ("network", "folders", "significant")
_KNOWN = {"command", "args", "env", "cwd", "url", "headers", "type", "transport", "disabled", *_OWN}
_HTTP = ("http", "streamable-http", "streamableHttp", "streamable_http")
_VARIABLE = re.compile(r"\$\{(?:env:)?([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")
_LONGEST_NAME = 64


@dataclass(frozen=True, slots=True)
class Entry:
    """One server. Texts are as in the file, with ``${VAR}`` in them."""

    name: str
    command: str = ""
    """The program; empty for a server that is reached at :attr:`url`."""
    arguments: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    cwd: str = ""
    url: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    network: bool = False
    """Whether its program asks for the network."""
    folders: tuple[str, ...] = ()
    """Folders that it asks for: ``PATH`` to read, ``PATH:rw`` to write, too."""
    significant: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """For each tool, the arguments whose values a lasting permission is limited to."""
    disabled: bool = False
    problem: str = ""
    """Why it cannot be used, in a sentence; empty if it can."""
    unused: tuple[str, ...] = ()
    """Its fields that have no meaning here, such as those of other programs."""

    @property
    def prefix(self) -> str:
        """The beginning of its tools' names."""
        return prefix(self.name)

    def origin(self) -> tuple[str, ...]:
        """Return what a permission for its tools is bound to: all that decides what runs where.

        Values of variables and headers, which may be secrets, are in it as a hash only.
        """
        hidden = [dict(self.environment), dict(self.headers)]
        digest = hashlib.sha256(json.dumps(hidden, sort_keys=True).encode()).hexdigest()[:16]
        names = [*sorted(self.environment), *sorted(self.headers)]
        given = (f"with {', '.join(names)} ({digest})",) if names else ()
        place = (f"in {self.cwd}",) if self.cwd else ()
        return (self.url or self.command, *self.arguments, *place, *self.asked(), *given)

    def asked(self) -> tuple[str, ...]:
        """Return what it asks for beyond what every server has, as it stands in the file."""
        return (*(("network",) if self.network else ()), *self.folders)


def prefix(name: str) -> str:
    """Return a server's name as the beginning of a tool's name."""
    plain = re.sub(r"[^a-zA-Z0-9-]+", "_", name).strip("_") or "server"
    return plain if plain[0].isalpha() else f"server_{plain}"


def server_of(tool: str, prefixes: Iterable[str]) -> str:
    """Return the prefix of the server that a tool's name belongs to; empty if it is none's.

    The name may also be the server's own.
    """
    found = [one for one in prefixes if tool == one or tool.startswith(f"{one}_")]
    return max(found, key=len, default="")


def entries_of(document: object, path: object) -> list[Entry]:
    """Return the entries of a file's document; ``path`` names it.

    An entry that cannot be used has its :attr:`~Entry.problem`; the others still work. Raises
    :class:`LocalqwqError` if the document has no table of servers.
    """
    if not isinstance(document, dict):
        raise LocalqwqError(f"{path} must be a JSON object with mcpServers in it.")
    table: object = next((document[name] for name in TABLES if name in document), {})
    if not isinstance(table, dict):
        raise LocalqwqError(f"mcpServers in {path} must be an object of servers by name.")
    return [entry_of(name, values) for name, values in table.items()]


def entry_of(name: str, values: object) -> Entry:
    """Return an entry, with its problem if there is one."""
    if not name.strip() or len(name) > _LONGEST_NAME or not name.isprintable():
        shown = ascii(name[:_LONGEST_NAME])
        return Entry(name, problem=f"A server needs a short, printable name, unlike {shown}.")
    try:
        return _checked(name, values)
    except _WrongEntry as wrong:
        return Entry(name, problem=f"The entry {name} {wrong}.")


def written(entry: Entry) -> dict[str, Any]:
    """Return an entry as it stands in a file."""
    if entry.url:
        values: dict[str, Any] = {"url": entry.url, "headers": dict(entry.headers)}
    else:
        values = {
            "command": entry.command,
            "args": list(entry.arguments),
            "env": dict(entry.environment),
            "cwd": entry.cwd,
            "network": entry.network,
            "folders": list(entry.folders),
        }
    values["significant"] = {name: list(names) for name, names in entry.significant.items()}
    values["disabled"] = entry.disabled
    return {key: value for key, value in values.items() if value}


def expanded(entry: Entry, variables: Mapping[str, str]) -> Entry:
    """Return the entry with the values of ``${VAR}``, ``${env:VAR}`` and ``${VAR:-default}``.

    Raises :class:`LocalqwqError` for one that is not set.
    """

    def value(found: re.Match[str]) -> str:
        name, default = found[1], found[2]
        if name in variables:
            return variables[name]
        if default is not None:
            return default
        raise LocalqwqError(
            f"The entry {entry.name} needs the variable {name}, which is not set: set it in the "
            "environment that localqwq is started from."
        )

    def text(given: str) -> str:
        return _VARIABLE.sub(value, given)

    return replace(
        entry,
        command=text(entry.command),
        arguments=tuple(map(text, entry.arguments)),
        environment={name: text(given) for name, given in entry.environment.items()},
        cwd=text(entry.cwd),
        url=text(entry.url),
        headers={name: text(given) for name, given in entry.headers.items()},
        folders=tuple(map(text, entry.folders)),
    )


class _WrongEntry(Exception):
    """The message follows the entry's name."""


def _checked(name: str, values: object) -> Entry:
    if not isinstance(values, dict):
        raise _WrongEntry("must be an object with command, or url")
    command, url = _text(values, "command"), _text(values, "url")
    if bool(command) == bool(url):
        both = "both command and url" if command else "neither command nor url"
        raise _WrongEntry(f"has {both}; it needs one of them")
    kind = _text(values, "type") or _text(values, "transport")
    if kind == "sse":
        raise _WrongEntry(
            "uses the transport sse, which servers have replaced by streamable HTTP: use that "
            "address, often ending in /mcp, with the type http"
        )
    if kind and (kind != "stdio" if command else kind not in _HTTP):
        raise _WrongEntry(f"has the unknown type {kind!r}: use stdio with command, http with url")
    if url:
        _check_url(url)
    asked = [one for one in ("network", "folders", "cwd") if url and values.get(one)]
    if asked:
        raise _WrongEntry(f"has {asked[0]}, which only programs can use that run here")
    return Entry(
        name,
        command,
        _texts(values, "args"),
        _table(values, "env"),
        _text(values, "cwd"),
        url,
        _table(values, "headers"),
        _flag(values, "network"),
        _texts(values, "folders"),
        _significant(values),
        _flag(values, "disabled"),
        unused=tuple(sorted(key for key in values if key not in _KNOWN)),
    )


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(_VARIABLE.sub("x", url))
        is_right = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        is_right = False
    if not is_right:
        raise _WrongEntry("needs a url like https://example.org/mcp")


def _text(values: Mapping[str, Any], key: str) -> str:
    value = values.get(key)
    if value is None:
        return ""
    if not isinstance(value, str) or "\0" in value:
        raise _WrongEntry(f"needs a text for {key}")
    return value


def _texts(values: Mapping[str, Any], key: str) -> tuple[str, ...]:
    value = values.get(key) or []
    if not isinstance(value, list) or not all(_is_text(one) for one in value):
        raise _WrongEntry(f"needs a list of texts for {key}")
    return tuple(value)


def _table(values: Mapping[str, Any], key: str) -> dict[str, str]:
    value = values.get(key) or {}
    if not isinstance(value, dict) or not all(map(_is_text, [*value, *value.values()])):
        raise _WrongEntry(f"needs an object of texts for {key}")
    return dict(value)


def _flag(values: Mapping[str, Any], key: str) -> bool:
    value = values.get(key, False)
    if not isinstance(value, bool):
        raise _WrongEntry(f"needs true or false for {key}")
    return value


def _significant(values: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    value = values.get("significant") or {}
    if not isinstance(value, dict):
        raise _WrongEntry("needs an object for significant: arguments by tool")
    return {tool: _texts(value, tool) for tool in value}


def _is_text(value: object) -> bool:
    return isinstance(value, str) and "\0" not in value


def names_of(entries: Sequence[Entry]) -> str:
    """Return the names of entries that can be used, for a sentence."""
    return ", ".join(entry.name for entry in entries if not entry.problem) or "none"
