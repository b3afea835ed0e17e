"""The tools of a conversation: which the model may call, where, and what was allowed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.await_complete import AwaitComplete
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from localqwq.agent.threads import in_daemon
from localqwq.conversations.turns import FOLDERS
from localqwq.errors import LocalqwqError
from localqwq.tui.screens.question import QuestionScreen
from localqwq.tui.session.tool_choice import TOOLS, ToolChoice, ready_builtin, ready_tools
from localqwq.tui.session.tool_rows import Row, Section, sections
from localqwq.tui.widgets.keys import KeyLine
from localqwq.tui.widgets.notice import Notice
from localqwq.tui.work import work
from localqwq.visible import visible

if TYPE_CHECKING:
    from localqwq.agent.permission import Grant
    from localqwq.tui.session.session import Session

_NAME = 13
"""Cells of a tool's name."""
NOT_DELETED = "Space switches tools on and off; Delete is for folders and permissions."


class ToolsScreen(ModalScreen[None]):
    """A popup with a list; changes apply from the next answer on."""

    CSS_PATH = "tools.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Close", key_display="esc"),
        Binding("space", "act", "On or off", key_display="space"),
        Binding("delete,backspace", "withdraw", "Close folder, withdraw", key_display="del"),
    ]
    COMMAND: ClassVar[str] = "tools"

    def __init__(self, session: Session, changed: Callable[[], object]) -> None:
        """Set up; ``changed`` is called after each change of tools or folders."""
        super().__init__()
        self._session = session
        self._changed = changed
        self._rows: list[Row | str] = []
        self._grants: list[tuple[Grant, bool]] = []

    def compose(self) -> ComposeResult:
        """Show the list above what there is to say about the marked line."""
        with Vertical(id="tools") as sheet:
            sheet.border_title = "Tools, folders and permissions"
            yield OptionList(compact=True)
            yield Static("Testing the sandbox …", id="about")
            yield Notice()
        yield KeyLine()

    def on_mount(self) -> None:
        """Fill the list, also when a server has changed."""
        self._session.toolbox.changed = lambda: self.call_later(self._fill)
        self.query_one(OptionList).focus()
        self._fill()

    def on_unmount(self) -> None:
        """Hear no more of servers."""
        self._session.toolbox.changed = None

    def action_leave(self) -> AwaitComplete:
        """Close the popup."""
        return self.dismiss()

    @on(OptionList.OptionSelected)
    def _selected(self) -> None:
        self.action_act()

    @on(OptionList.OptionHighlighted)
    def _moved(self, event: OptionList.OptionHighlighted) -> None:
        if event.option_index <= 1:
            self.query_one(OptionList).scroll_home(animate=False)
        self._tell()

    def action_act(self) -> None:
        """Switch the marked tool or server on or off; a server may ask for something first."""
        row = self._row
        if row is None or row.kind not in ("tool", "server"):
            return
        if row.asks and not row.chosen:
            question = QuestionScreen(
                f"Allow {row.title}?", f"{row.title} {row.asks}.", "Always", "No"
            )
            self.app.push_screen(question, lambda yes: self._allow(row) if yes else None)
        else:
            self._switch(row)

    def _allow(self, row: Row) -> None:
        self._change(self._grant(row))

    def _switch(self, row: Row) -> None:
        self._change(self._switched(row))

    async def _grant(self, row: Row) -> None:
        servers, choice = self._session.toolbox.servers, self._session.tools
        await asyncio.to_thread(lambda: servers.grant(row.key, ready_builtin(choice).folders))
        await self._switched(row)

    async def _switched(self, row: Row) -> None:
        """Switch it, and start a server that is on now."""
        session = self._session
        others = [name for name in session.tools.names if not _is_of(name, row)]
        await self._set(TOOLS, others if row.chosen else [*others, row.key])
        if row.kind == "server" and not row.chosen:
            self._start(session.tools)

    @work(group="start")
    async def _start(self, choice: ToolChoice) -> None:
        await in_daemon(lambda: ready_tools(choice, self._session.toolbox.servers), "servers")
        self._changed()

    def action_withdraw(self) -> None:
        """Close the marked folder, or withdraw the marked permission."""
        row = self._row
        if row is not None and row.kind == "folder":
            folders = [text for text in self._session.tools.folders if text != row.key]
            self._change(self._set(FOLDERS, folders))
        elif row is not None and row.kind == "grant":
            self._change(self._revoke(self._grants[int(row.key)][0]))
        elif row is not None:
            self.notify(NOT_DELETED)

    async def _set(self, key: str, value: Sequence[str]) -> None:
        await self._session.set_overrides({**self._session.own, key: list(value)})
        self._changed()

    async def _revoke(self, grant: Grant) -> None:
        conversation = self._session.conversation
        number = conversation.id if conversation else None
        await asyncio.to_thread(self._session.toolbox.revoke, number, grant)

    @work(group="change")
    async def _change(self, change: Awaitable[None]) -> None:
        try:
            await change
        except LocalqwqError as error:
            self.notify(str(error), severity="warning", markup=False)
        self._fill()

    @work(exclusive=True, group="fill")
    async def _fill(self) -> None:
        session = self._session
        conversation = session.conversation.id if session.conversation else None
        choice = session.tools

        def found() -> tuple[list[tuple[Grant, bool]], list[Section]]:
            grants = session.toolbox.granted(conversation)
            return grants, sections(choice, grants, session.toolbox.servers)

        self._grants, shown = await asyncio.to_thread(found)
        self._show(shown)

    def _show(self, shown: Sequence[Section]) -> None:
        listed = self.query_one(OptionList)
        place = listed.highlighted
        self._rows = []
        for section in shown:
            self._rows += [f"\n{section.title}" if self._rows else section.title, *section.rows]
        listed.set_options(
            Option(_drawn(row), disabled=isinstance(row, str) or row.kind == "text")
            for row in self._rows
        )
        usable = [
            number
            for number, row in enumerate(self._rows)
            if isinstance(row, Row) and row.kind != "text"
        ]
        wanted = usable[0] if place is None else place
        listed.highlighted = min(usable, key=lambda number: abs(number - wanted))
        self._tell()

    def _tell(self) -> None:
        row = self._row
        said = (row.problem or row.more or row.told) if row is not None else ""
        about = self.query_one("#about", Static)
        about.set_class(row is not None and bool(row.problem), "-problem")
        about.update(Content(visible(said)))

    @property
    def _row(self) -> Row | None:
        index = self.query_one(OptionList).highlighted
        row = self._rows[index] if index is not None and index < len(self._rows) else None
        return row if isinstance(row, Row) else None


def _is_of(name: str, row: Row) -> bool:
    """Return whether a chosen name is a row's, or that of a tool of its server."""
    return name == row.key or (row.kind == "server" and name.startswith(f"{row.key}_"))


def _drawn(row: Row | str) -> Content:
    if isinstance(row, str):
        return Content.styled(row, "$primary")
    told = visible(row.told)
    match row.kind:
        case "text":
            return Content.styled(f"  {told}", "$text-muted")
        case "tool" | "server":
            sign = "☑" if row.chosen else "☐"
            style = "$text-warning" if row.problem and row.chosen else "bold" if row.chosen else ""
            return Content.assemble(
                (f"{sign} {visible(row.title):<{_NAME}}", style), (told, "$text-muted")
            )
    style = "$text-warning" if row.problem else ""
    return Content.assemble((f"  {visible(row.title)}  ", style), (told, "$text-muted"))
