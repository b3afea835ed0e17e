"""What the screen of tools shows: tools, folders, permissions and the sandbox."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from localqwq.agent.names import BUILTIN, CHANGING, PURPOSES, READING
from localqwq.errors import LocalqwqError
from localqwq.tui.session.tool_choice import ReadyTools, ToolChoice, ready_builtin

if TYPE_CHECKING:
    from localqwq.agent.permission import Grant
    from localqwq.tui.session.servers import SessionServers

Kind = Literal["tool", "server", "folder", "grant", "text"]
_ASKS = {"none": "never asks", "read": "asks once", "change": "asks"}
_CONFINED = (
    "Programs are confined by {backend}: no network, none of your files except opened folders, and "
    "a folder of their own that is deleted afterwards. Limits: {seconds:.0f} seconds, "
    "{memory:,} MiB of memory, {processes} processes, {disk:,} MiB of disk."
)
NO_FOLDER = "None is open. /folder PATH opens one for reading, /folder PATH:rw also for writing."
NO_SERVER = "None is known. `localqwq mcp add` adds one to mcp.json."
NO_GRANT = "None: you are asked. What you allow for longer than once is listed here."


@dataclass(frozen=True, slots=True)
class Row:
    """One line."""

    kind: Kind
    key: str
    """The name of the tool or server, the folder as it is stored, or the permission's number."""
    title: str
    told: str = ""
    chosen: bool = False
    problem: str = ""
    """Why it does not work; empty if it does."""
    more: str = ""
    """What else there is to say about it."""
    asks: str = ""
    """What a person has to allow before it is started, in words that follow its name."""


@dataclass(frozen=True, slots=True)
class Section:
    """Lines under a heading."""

    title: str
    rows: tuple[Row, ...]


def sections(
    choice: ToolChoice, grants: Sequence[tuple[Grant, bool]], servers: SessionServers
) -> list[Section]:
    """Return what there is now; ``grants``: permissions, and whether each is for always.

    It may try the sandbox, which takes a moment. No server is started.
    """
    ready = ready_builtin(ToolChoice(BUILTIN, choice.folders))
    effects = {tool.name: tool.effect.value for tool in ready.tools}
    tools = [_tool(name, name in choice.names, effects, ready) for name in BUILTIN]
    folders = [_folder(text, ready) for text in choice.folders]
    allowed = [_grant(number, *one) for number, one in enumerate(grants)]
    return [
        Section("Tools", tuple(tools)),
        Section("MCP servers", tuple(_servers(choice, ready, servers))),
        Section("Folders", tuple(folders) or (_text(NO_FOLDER),)),
        Section("Permissions", tuple(allowed) or (_text(NO_GRANT),)),
        Section("Sandbox", (_text(sandbox_words()),)),
    ]


def sandbox_words() -> str:
    """Return what programs of a model may do here, or why they do not run."""
    from localqwq.agent.sandbox.choosing import backend
    from localqwq.agent.sandbox.job import MIB, Limits

    try:
        name = backend()
    except LocalqwqError as error:
        return f"{error} Programs of a model do not run."
    limits = Limits()
    return _CONFINED.format(
        backend=name,
        seconds=limits.seconds,
        memory=limits.memory // MIB,
        processes=limits.processes,
        disk=limits.disk // MIB,
    )


def _tool(name: str, chosen: bool, effects: dict[str, str], ready: ReadyTools) -> Row:
    usual = "read" if name in READING else "change" if name in CHANGING else ""
    asks = _ASKS.get(effects.get(name, usual), "")
    told = ", ".join(part for part in (PURPOSES.get(name, ""), asks) if part)
    return Row("tool", name, name, told, chosen, ready.problems.get(name, ""))


def _servers(choice: ToolChoice, ready: ReadyTools, servers: SessionServers) -> Iterator[Row]:
    from localqwq.agent.mcp.entries import server_of

    try:
        states = servers.states(ready.folders)
    except LocalqwqError as error:
        yield _text(str(error))
        return
    prefixes = [state.prefix for state in states]
    for state in states:
        names = [name for name in choice.names if server_of(name, prefixes) == state.prefix]
        tools = ", ".join(tool.name for tool in state.tools)
        some = "" if state.prefix in names or not names else f", only {', '.join(names)}"
        count = f", {len(state.tools)} tools" if state.tools else ""
        yield Row(
            "server",
            state.prefix,
            state.name,
            f"{state.state}{count}{some}",
            bool(names),
            state.sentence,
            " ".join(
                part
                for part in (
                    f"{state.command}.",
                    f"It {state.rights}." if state.rights else "",
                    f"Tools: {tools}." if tools else "",
                )
                if part
            ),
            state.asks,
        )
    if not states:
        yield _text(NO_SERVER)


def _folder(text: str, ready: ReadyTools) -> Row:
    path = text.removesuffix(":rw")
    told = "for reading and writing" if path != text else "for reading"
    return Row("folder", text, path, told, problem=ready.problems.get(text, ""))


def _grant(number: int, grant: Grant, always: bool) -> Row:
    values = ", ".join(value for value in grant.values if value)
    told = "always" if always else "in this conversation"
    return Row("grant", str(number), grant.tool, f"{told}, for {values}" if values else told)


def _text(said: str) -> Row:
    return Row("text", said, "", said)
