"""What the screen of tools shows: tools, folders, permissions and the sandbox."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from localqwq.agent.names import BUILTIN, CHANGING, PURPOSES, READING
from localqwq.errors import LocalqwqError
from localqwq.tui.session.tool_choice import ReadyTools, ToolChoice, ready_tools

if TYPE_CHECKING:
    from localqwq.agent.permission import Grant

Kind = Literal["tool", "folder", "grant", "text"]
_ASKS = {"none": "never asks", "read": "asks once", "change": "asks"}
_CONFINED = (
    "Programs are confined by {backend}: no network, none of your files except opened folders, and "
    "a folder of their own that is deleted afterwards. Limits: {seconds:.0f} seconds, "
    "{memory:,} MiB of memory, {processes} processes, {disk:,} MiB of disk."
)
NO_FOLDER = "None is open. /folder PATH opens one for reading, /folder PATH:rw also for writing."
NO_GRANT = "None: you are asked. What you allow for longer than once is listed here."


@dataclass(frozen=True, slots=True)
class Row:
    """One line."""

    kind: Kind
    key: str
    """The tool's name, the folder as it is stored, or the number of the permission."""
    title: str
    told: str = ""
    chosen: bool = False
    problem: str = ""
    """Why it does not work; empty if it does."""


@dataclass(frozen=True, slots=True)
class Section:
    """Lines under a heading."""

    title: str
    rows: tuple[Row, ...]


def sections(choice: ToolChoice, grants: Sequence[tuple[Grant, bool]]) -> list[Section]:
    """Return what there is now; ``grants``: permissions, and whether each is for always.

    It may try the sandbox, which takes a moment.
    """
    known = tuple(dict.fromkeys([*BUILTIN, *choice.names]))
    ready = ready_tools(ToolChoice(known, choice.folders))
    effects = {tool.name: tool.effect.value for tool in ready.tools}
    tools = [_tool(name, name in choice.names, effects, ready) for name in known]
    folders = [_folder(text, ready) for text in choice.folders]
    allowed = [_grant(number, *one) for number, one in enumerate(grants)]
    return [
        Section("Tools", tuple(tools)),
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
