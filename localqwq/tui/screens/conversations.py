"""All conversations: a list, and a box that searches their full text."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, TypeVar

from textual import on
from textual.app import ComposeResult
from textual.await_complete import AwaitComplete
from textual.binding import Binding, BindingType
from textual.containers import Container, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static

from localqwq.conversations import exports
from localqwq.conversations.buffered import BufferedStore
from localqwq.conversations.tally import Tally
from localqwq.conversations.turns import Conversation, is_temporary
from localqwq.errors import LocalqwqError
from localqwq.locations import expanded, home_directory
from localqwq.tui.beat import Beat
from localqwq.tui.keyboard.queue import hold
from localqwq.tui.screens.conversation_files import Export, ExportScreen, ImportScreen
from localqwq.tui.screens.conversation_list import ConversationList
from localqwq.tui.screens.conversation_rows import Row, hit_rows, summary_rows
from localqwq.tui.session.store_thread import StoreThread
from localqwq.tui.widgets.fields import Field
from localqwq.tui.widgets.keys import KeyLine
from localqwq.tui.widgets.notice import Notice
from localqwq.tui.work import work
from localqwq.visible import visible

if TYPE_CHECKING:
    from localqwq.conversations.unsaved import Unsaved
    from localqwq.tui.session.answer_jobs import AnswerJobs

Result = TypeVar("Result")

PAUSE_SECONDS = 0.12
"""Seconds without a key before the search starts."""
PAGE = 200
"""Number of conversations listed at first, and added at the end of the list."""
MOST_HITS = 200
TICK_SECONDS = 0.5
"""Seconds between two checks which conversations are being answered."""

EMPTY = "No conversations yet: your first prompt starts one."
NOTHING = "Nothing was found. All words must occur in one title, prompt, answer or thought."


@dataclass(frozen=True, slots=True)
class Chosen:
    """What to show next."""

    conversation: int | None
    """The conversation; None for a new one."""
    turn: int | None = None
    """The turn in which the searched words were found."""


class ConversationsScreen(ModalScreen[Chosen | None]):
    """A popup with the list; its result is None if nothing else is to be shown."""

    CSS_PATH = "conversations.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "Open", key_display="⏎", priority=True),
        Binding("f9,ctrl+x e", "rename", "Rename", key_display="F9"),
        Binding("ctrl+b", "pin", "Pin", key_display="^b", priority=True),
        Binding("delete", "delete(True)", show=False, priority=True),
        Binding("ctrl+x backspace", "delete", "Delete", key_display="del"),
        Binding("ctrl+z,ctrl+x u", "undo", "Undo", show=False, priority=True),
        Binding("ctrl+s", "export", "Export", key_display="^s", priority=True),
        Binding("ctrl+x i", "import", "Import", key_display="^x i", priority=True),
        Binding("ctrl+n,ctrl+x n", "new", "New", key_display="^n", priority=True),
        Binding("escape", "leave", "Close", key_display="esc"),
        Binding("up", "move('cursor_up')", show=False),
        Binding("down", "move('cursor_down')", show=False),
        Binding("pageup", "move('page_up')", show=False),
        Binding("pagedown", "move('page_down')", show=False),
    ]
    COMMAND: ClassVar[str] = "conversations"

    def __init__(
        self, records: StoreThread, current: int | None, answers: AnswerJobs | None = None
    ) -> None:
        """Set up; ``current``: the open conversation, None for a new one; ``answers``: the running
        ones.
        """
        super().__init__()
        self._records = records
        self._current = current
        self._answers = answers
        self._rows: list[Row] = []
        self._more = False
        self._deleted: set[int] = set()
        self._renamed: Row | None = None
        self.beat: Beat | None = None
        """The timer that updates running answers."""

    def compose(self) -> ComposeResult:
        """Show the box, the list, and a line for messages."""
        with Vertical(id="shelf") as shelf:
            shelf.border_title = "Conversations"
            yield Field(placeholder="Search titles, prompts, answers and thoughts", id="search")
            with Container(id="lines"):
                yield ConversationList(self._states)
                yield Static(id="empty", markup=False)
                yield Field(id="rename", compact=True, select_on_focus=False)
            yield Static(id="note")
            yield Notice()
        yield KeyLine()

    def on_mount(self) -> None:
        """Focus the search box."""
        self.set_focus(self.query_one("#search"))
        self._look(pause=False)
        self.beat = Beat(self, TICK_SECONDS, self._tick)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Return whether an action is offered: some need a conversation, few go with renaming.

        Within the search text, the delete key deletes a letter.
        """
        if self._renamed is not None:
            return action == "leave"
        if action == "delete" and parameters and self._is_before_a_letter:
            return False
        if action in ("open", "rename", "pin", "delete", "export"):
            return True if self._row else None
        return True

    def dismiss(self, result: Chosen | None = None) -> AwaitComplete:
        """Close the popup, without waiting for running lookups."""
        self.workers.cancel_group(self, "look")
        return super().dismiss(result)

    # Searching

    def _tick(self) -> bool:
        """Show answers that are running or have ended; return whether any are left."""
        goes_on = self._answers is not None and bool(self._answers.running)
        if self.is_current:  # not while it is closed
            self._list.tell(self._states)
        return goes_on or not self.is_current

    @on(Input.Changed, "#search")
    def _typed(self) -> None:
        self._look(pause=True)

    def _look(self, pause: bool, cursor: int = 0) -> None:
        """Show what matches the search text."""
        hold(self, self._list_found(pause, cursor))

    @work(exclusive=True, group="look")
    async def _list_found(self, pause: bool, cursor: int) -> None:
        if pause:
            await asyncio.sleep(PAUSE_SECONDS)
        text = self._search.value
        if text.strip():
            hits = await self._do(lambda store: store.search(text, MOST_HITS))
            rows = hit_rows(hits or [])
            self._more = False
        else:
            wanted = max(PAGE, cursor + 1)
            summaries = await self._do(lambda store: store.newest(wanted)) or []
            rows = summary_rows(summaries)
            self._more = len(summaries) == wanted
        if pause and _targets(rows) == _targets(self._rows):
            cursor = self._cursor  # a letter more found the same, and one may have moved on
        self._show(rows, cursor, NOTHING if text.strip() else EMPTY)

    @on(OptionList.OptionHighlighted)
    async def _reached(self) -> None:
        """Extend the list when its end is reached."""
        self.refresh_bindings()
        cursor = self._list.highlighted
        if self._more and cursor is not None and cursor == len(self._rows) - 1:
            self._more = False
            offset = len(self._rows)
            summaries = await self._do(lambda store: store.newest(PAGE, offset)) or []
            if len(self._rows) == offset and not self._search.value.strip():
                self._more = len(summaries) == PAGE
                self._show(self._rows + summary_rows(summaries), cursor, EMPTY)

    def _show(self, rows: list[Row], cursor: int, empty: str) -> None:
        self._rows = rows
        self._list.show(rows, cursor)
        self.query_one("#shelf").set_class(not rows, "-empty")
        self.query_one("#empty", Static).update(empty)
        self.refresh_bindings()

    # Choosing

    @on(OptionList.OptionSelected)
    def action_open(self) -> None:
        """Open the conversation at the cursor, where the words were found."""
        if self._row:
            self.dismiss(Chosen(self._row.conversation, self._row.turn))

    def action_new(self) -> None:
        """Start a conversation."""
        self.dismiss(Chosen(None))

    def action_leave(self) -> AwaitComplete | None:
        """End renaming, or close the list; a deleted conversation is not returned to."""
        if self._renamed is not None:
            self._end_renaming()
            return None
        return self.dismiss(Chosen(None) if self._current in self._deleted else None)

    def action_move(self, step: str) -> None:
        """Move the list's cursor while the search box keeps the focus."""
        getattr(self._list, f"action_{step}")()

    # Changing

    async def action_pin(self) -> None:
        """Pin or unpin the conversation."""
        row = self._row
        if row is None:
            return
        pinned = await self._do(partial(_toggle_pin, conversation=row.conversation))
        if pinned is not None:
            self._note("Pinned to the top: " if pinned else "No longer pinned: ", row.title)
            self._look(pause=False, cursor=self._cursor)

    async def action_delete(self, by_key: bool = False) -> None:
        """Delete the conversation, ending its answer, and say how to restore it.

        ``by_key``: whether by a key that also deletes letters.
        """
        row = self._row
        if row is None:
            return
        if self._answers is not None:
            await self._answers.stop(row.conversation)
        await self._do(lambda store: store.delete(row.conversation))
        self._deleted.add(row.conversation)
        undo = Content.from_markup("[@click=screen.undo]^z undoes it[/]")
        self._note("Deleted: ", row.title, undo)
        self._look(pause=False, cursor=self._cursor)

    async def action_undo(self) -> None:
        """Restore the last deleted conversation, even from earlier days."""
        found = await self._do(lambda store: (store.restore_last(),))
        if found is None:
            return
        (conversation,) = found
        if conversation is None:
            self._note("There is nothing to restore.", "")
            return
        self._deleted.discard(conversation.id)
        self._note("Restored: ", conversation.title)
        self._look(pause=False, cursor=self._cursor)

    def action_rename(self) -> None:
        """Put an input field over the title."""
        row = self._row
        if row is None or self._list.highlighted is None:
            return
        self._renamed = row
        self.query_one("#shelf").add_class("-renaming")
        field = self.query_one("#rename", Input)
        field.styles.offset = (0, self._list.highlighted - self._list.scroll_offset.y)
        field.value = row.title
        field.cursor_position = len(row.title)
        self.set_focus(field)
        self._note("⏎ saves the new title, esc keeps the old one", "")
        self.refresh_bindings()

    @on(Input.Submitted, "#rename")
    async def _rename(self, event: Input.Submitted) -> None:
        row = self._renamed
        self._end_renaming()
        if row is not None:
            await self._do(lambda store: store.rename(row.conversation, event.value))
            self._look(pause=False, cursor=self._cursor)

    @on(Input.Blurred, "#rename")
    def _end_renaming(self) -> None:
        self._renamed = None
        self._note("", "")
        self.query_one("#shelf").remove_class("-renaming")
        self.set_focus(self._search)
        self.refresh_bindings()

    # Files

    async def action_export(self) -> None:
        """Ask how and where to export, and write the file."""
        row = self._row
        if row is None:
            return
        conversation = await self._do(lambda store: store.get(row.conversation))
        if conversation is None:
            return
        free = exports.free_path(_folder(), exports.file_name(conversation, "markdown"))

        def asked(wanted: Export | None) -> None:
            if wanted is not None:
                hold(self, self._export(conversation, wanted))

        await self.app.push_screen(ExportScreen(conversation.title, free), asked)

    @work()
    async def _export(self, conversation: Conversation, wanted: Export) -> None:
        pieces = exports.export([conversation], wanted.form, wanted.thoughts)
        path = expanded(wanted.path)
        try:
            await asyncio.to_thread(exports.save, path, pieces)
        except LocalqwqError as error:
            self._failed(error)
        else:
            self._note("Written to ", str(path.absolute()))

    async def action_import(self) -> None:
        """Ask for a file and add its conversations one by one."""

        def asked(path: Path | None) -> None:
            if path is not None:
                self._import(path)

        await self.app.push_screen(ImportScreen(), asked)

    @work()
    async def _import(self, path: Path) -> None:
        from localqwq.conversations import unsaved
        from localqwq.conversations.imports import read_file

        self._note("Reading ", str(path))
        try:
            changes = await asyncio.to_thread(unsaved.read_file, expanded(path))
            if changes is not None:
                await self._add(changes)
                return
            found = await asyncio.to_thread(read_file, expanded(path))
        except LocalqwqError as error:
            self._failed(error)
            return
        for number, imported in enumerate(found.conversations, 1):
            if await self._do(partial(BufferedStore.add_imported, imported=imported)) is None:
                return
            self._note(f"Imported {number:,} of {len(found.conversations):,}: ", imported.title)
        self._told(found.tally)
        self._look(pause=False)

    async def _add(self, changes: Unsaved) -> None:
        """Apply the changes that the app could not store on exit."""
        count = await self._do(lambda store: store.add_unsaved(changes))
        if count is not None:
            self._note("Updated: ", f"{count:,}")
            self._look(pause=False)

    def _told(self, tally: Tally) -> None:
        """Show what was imported, and below it what was not."""
        left = tally.stayed_out()
        self._note("", tally.came_in(), Content(visible(f"\n{left}" if left else "")))

    # Internals

    @property
    def _states(self) -> dict[int, str]:
        """Return the remarks shown instead of conversations' times."""
        states = {
            row.conversation: "temporary" for row in self._rows if is_temporary(row.conversation)
        }
        if self._current is not None:
            states[self._current] = "open now"
        if self._answers is not None:
            states |= dict.fromkeys(self._answers.unseen, "new answer")
            states |= dict.fromkeys(self._answers.running, "answering …")
            states |= dict.fromkeys(self._answers.asking, "asks you")
        return states

    @property
    def _list(self) -> ConversationList:
        return self.query_one(ConversationList)

    @property
    def _search(self) -> Input:
        return self.query_one("#search", Input)

    @property
    def _row(self) -> Row | None:
        return self._list.row if self.is_mounted else None

    @property
    def _is_before_a_letter(self) -> bool:
        """Return whether there is a letter to delete in the search text."""
        return self.is_mounted and self._search.cursor_position < len(self._search.value)

    @property
    def _cursor(self) -> int:
        return self._list.highlighted or 0

    async def _do(self, work: Callable[[BufferedStore], Result]) -> Result | None:
        """Return the result of ``work`` on the store; None, with a message, if it fails."""
        try:
            return await self._records.do(work)
        except LocalqwqError as error:
            self._failed(error)
            return None

    def _failed(self, error: LocalqwqError) -> None:
        self._note("Not done: ", str(error))

    def _note(self, done: str, what: str, more: Content | None = None) -> None:
        parts = (done, (what, "bold"), "   ", more or Content())
        self.query_one("#note", Static).update(Content.assemble(*parts))


def _toggle_pin(store: BufferedStore, conversation: int) -> bool:
    pinned = not store.get(conversation).pinned
    store.pin(conversation, pinned)
    return pinned


def _folder() -> Path:
    """Return the folder for exports: the working directory, while it exists."""
    try:
        return Path.cwd()
    except OSError:
        return home_directory() or Path("/")


def _targets(rows: list[Row]) -> list[tuple[int, int | None]]:
    """Return where each row leads."""
    return [(row.conversation, row.turn) for row in rows]
