"""``localqwq mcp``: servers whose tools a model may call."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from localqwq.cli import help_texts
from localqwq.cli.settings import read_settings
from localqwq.errors import LocalqwqError
from localqwq.visible import one_line

if TYPE_CHECKING:
    from localqwq.agent.mcp.entries import Entry
    from localqwq.agent.mcp.servers import McpServers, ServerState

_WRONG_USAGE = 2
_LINES = {
    "list": "list the servers of mcp.json, and what each may do",
    "add": "add a server, or change one: its command follows --",
    "remove": "remove a server",
    "test": "start a server and list what it offers",
    "import": "copy servers from another program's file",
}
_YES = "grant what the server asks for, without asking you"


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command's arguments."""
    parser = subparsers.add_parser(
        "mcp",
        help="manage MCP servers, whose tools a model may call",
        description="Manage MCP servers: programs that run in the sandbox, or services elsewhere. "
        "`localqwq ask --tools NAME` and the app offer their tools to a model. They are listed in "
        "mcp.json in the configuration folder, in the format that other programs use as well.",
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION", title="actions", required=True)
    parsers = {
        name: actions.add_parser(name, help=line, description=f"{line[0].upper()}{line[1:]}.")
        for name, line in _LINES.items()
    }
    for name in ("list", "test"):
        parsers[name].add_argument("--json", action="store_true", help=help_texts.JSON)
    for name in ("add", "remove", "test"):
        parsers[name].add_argument("name", metavar="NAME", help="the server's name")
    for name in ("add", "test", "import"):
        parsers[name].add_argument("--yes", action="store_true", help=_YES)
    _register_add(parsers["add"])
    parsers["import"].add_argument("file", metavar="FILE", help="such as ~/.cursor/mcp.json")
    parsers["import"].add_argument(
        "names", nargs="*", metavar="NAME", help="the servers to copy (default: all)"
    )


def _register_add(parser: argparse.ArgumentParser) -> None:
    parser.usage = "localqwq mcp add NAME [options] -- COMMAND [ARGUMENT …]"
    parser.add_argument("--url", metavar="URL", help="the address of a server that runs elsewhere")
    parser.add_argument(
        "--header",
        dest="headers",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a header for its requests; ${VAR} stands for an environment variable",
    )
    parser.add_argument(
        "--env",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="an environment variable for its program; ${VAR} stands for one of yours",
    )
    parser.add_argument(
        "--folder",
        dest="folders",
        action="append",
        default=[],
        metavar="PATH[:rw]",
        help="a folder that it may read, and with :rw also write",
    )
    parser.add_argument("--network", action="store_true", help="let it use the network")
    parser.add_argument("--cwd", metavar="DIR", help="the folder that it starts in")


def run(arguments: argparse.Namespace) -> int:
    """Run the requested action."""
    match arguments.action:
        case "add":
            return _add(arguments)
        case "remove":
            return _remove(arguments.name)
        case "test":
            return _test(arguments.name, yes=arguments.yes, as_json=arguments.json)
        case "import":
            return _import(arguments.file, arguments.names, yes=arguments.yes)
        case _:
            return _list(as_json=arguments.json)


def _servers() -> McpServers:
    from localqwq.agent.mcp.files import all_entries
    from localqwq.agent.mcp.servers import McpServers

    return McpServers(all_entries(read_settings().agent.mcp_files))


def _list(*, as_json: bool) -> int:
    states = _servers().states()
    if as_json:
        print(json.dumps([_as_json(state) for state in states], indent=2, ensure_ascii=False))
        return 0
    if not states:
        print("There are no MCP servers yet: add one with `localqwq mcp add`.")
    for state in states:
        print("\n".join(_lines(state)))
    return 0


def _lines(state: ServerState) -> list[str]:
    """Return what is said of a server that need not run."""
    if not state.command:
        return [f"{one_line(state.name)}: {one_line(state.sentence)}"]
    lines = [f"{one_line(state.name)}: {one_line(state.command)}"]
    if state.rights:
        lines.append(f"  {one_line(state.rights)}")
    if state.asks:
        lines.append("  not allowed yet: it is asked about when it is first used")
    if state.sentence:
        lines.append(f"  {one_line(state.sentence)}")
    return lines


def _as_json(state: ServerState) -> dict[str, object]:
    return {
        "name": state.name,
        "prefix": state.prefix,
        "command": state.command,
        "rights": state.rights,
        "allowed": not state.asks,
        "problem": state.sentence or None,
    }


def _add(arguments: argparse.Namespace) -> int:
    from localqwq.agent.mcp.entries import entry_of
    from localqwq.agent.mcp.files import add

    command = list(arguments.rest)
    if bool(command) == bool(arguments.url):
        print(
            "error: Name the server's command after --, or its address with --url.",
            file=sys.stderr,
        )
        return _WRONG_USAGE
    values = {
        "command": command[0] if command else None,
        "args": command[1:],
        "env": _pairs(arguments.env, "--env"),
        "cwd": arguments.cwd,
        "url": arguments.url,
        "headers": _pairs(arguments.headers, "--header"),
        "folders": [_absolute(one) for one in arguments.folders],
        "network": arguments.network,
    }
    entry = entry_of(arguments.name, {key: value for key, value in values.items() if value})
    if entry.problem:
        raise LocalqwqError(entry.problem)
    _allow([entry], yes=arguments.yes)
    add(entry)
    print(f"Added {entry.name}: try it with `localqwq mcp test {shlex.quote(entry.name)}`.")
    return 0


def _absolute(folder: str) -> str:
    """Return a folder as it is written down, since the entry is used anywhere."""
    if folder.startswith("$"):
        return folder
    end = ":rw" if folder.endswith(":rw") else ""
    return f"{Path(folder.removesuffix(end)).expanduser().absolute()}{end}"


def _pairs(texts: list[str], option: str) -> dict[str, str]:
    found = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not (name and equals):
            raise LocalqwqError(f"{option} needs NAME=VALUE, unlike {text!r}.")
        found[name] = value
    return found


def _remove(name: str) -> int:
    from localqwq.agent.mcp.files import own_file, remove

    if not remove(name):
        raise LocalqwqError(f"There is no server {name!r} in {own_file()}.")
    print(f"Removed {name}.")
    return 0


def _import(file: str, names: list[str], *, yes: bool) -> int:
    from localqwq.agent.mcp.entries import names_of
    from localqwq.agent.mcp.files import add, entries_in, own_file
    from localqwq.locations import expanded

    path = expanded(file)
    if not path.exists():
        raise LocalqwqError(f"There is no file {path}.")
    found = {entry.name: entry for entry in entries_in(path)}
    if unknown := [name for name in names if name not in found]:
        raise LocalqwqError(
            f"{path} has no server {unknown[0]!r}; it has: {names_of(list(found.values()))}."
        )
    chosen = [found[name] for name in names or found]
    for entry in chosen:
        if entry.problem:
            print(entry.problem, file=sys.stderr)
    usable = [entry for entry in chosen if not entry.problem]
    if not usable:
        raise LocalqwqError(f"{path} has no server that can be used here.")
    existing = {entry.name for entry in entries_in(own_file())}
    for entry in usable:
        _show_entry(entry, replaces=entry.name in existing)
    if not (yes or _agrees("Copy them to mcp.json?")):
        return 1
    _allow(usable, yes=yes)
    for entry in usable:
        add(entry)
    print(f"Copied {names_of(usable)}.")
    return 0


def _show_entry(entry: Entry, *, replaces: bool) -> None:
    command = entry.url or shlex.join([entry.command, *entry.arguments])
    note = " (replaces yours)" if replaces else ""
    print(f"{one_line(entry.name)}: {one_line(command)}{note}")
    if given := [*entry.environment, *entry.headers]:
        print(f"  with {one_line(', '.join(given))}")
    if entry.unused:
        print(f"  without {one_line(', '.join(entry.unused))}, which has no meaning here")


def _allow(entries: list[Entry], *, yes: bool) -> None:
    """Show what entries ask for, and grant it if the person agrees; else it is asked later."""
    from localqwq.agent.mcp.servers import McpServers

    servers = McpServers(entries)
    for entry in entries:
        if asks := servers.asks(entry.name):
            print(f"{one_line(entry.name)} {one_line(asks)}.")
            if yes or (sys.stdin.isatty() and _agrees("Allow that?")):
                servers.grant(entry.name)


def _agrees(question: str) -> bool:
    if not sys.stdin.isatty():
        raise LocalqwqError("Nobody is here to agree: add --yes.")
    print(f"{question} [y/N] ", end="", flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _test(name: str, *, yes: bool, as_json: bool) -> int:
    from localqwq.cli.server_grants import allowed

    with _servers() as servers:
        servers.state(name)  # refuses an unknown name
        allowed(servers, name, yes=yes)
        state = servers.start(name).result()
        resources = [one for one in servers.resources() if one.server == state.prefix]
        prompts = [one for one in servers.prompts() if one.server == state.prefix]
    tools = [(tool.name, tool.description) for tool in state.tools]
    mentions = [(one.mention, one.description or one.name) for one in resources]
    commands = [(one.command, one.description) for one in prompts]
    if as_json:
        document = {
            **_as_json(state),
            "tools": [{"name": one, "description": words} for one, words in tools],
            "resources": [{"name": one, "description": words} for one, words in mentions],
            "prompts": [{"name": one, "description": words} for one, words in commands],
        }
        print(json.dumps(document, indent=2, ensure_ascii=False))
        return 0
    print("\n".join(_lines(state)))
    for title, listed in (("tools", tools), ("resources", mentions), ("prompts", commands)):
        if listed:
            print(f"{title}:")
        for one, words in listed:
            print(f"  {one_line(one)}  {one_line(words)}".rstrip())
    return 0
