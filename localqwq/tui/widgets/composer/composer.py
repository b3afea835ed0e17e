"""The prompt with its attachments and proposals: what a person wants to send or do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message
from textual.worker import Worker

from localqwq.conversations.turns import Attachment
from localqwq.documents.mentions import mentions
from localqwq.errors import LocalqwqError
from localqwq.tui.completing import MOST, Partial, Proposal, call, commands, files, partial
from localqwq.tui.keyboard.queue import hold
from localqwq.tui.widgets.composer.chips import Chip, Chips
from localqwq.tui.widgets.composer.proposals import Proposals
from localqwq.tui.widgets.prompt import Prompt
from localqwq.tui.work import work

if TYPE_CHECKING:
    from localqwq.tui.session.server_texts import ServerTexts

WONDER_SECONDS = 0.3
"""Seconds after which a file being read is named."""


class Composer(Vertical):
    """The prompt and everything attached to it."""

    DEFAULT_CSS = """
    Composer {
        height: auto;

        Chips {
            height: auto;
            max-height: 4;
            padding: 0 2;
            scrollbar-size-vertical: 1;
        }
        Chip {
            height: 1;
            width: 1fr;
            text-wrap: nowrap;
            text-overflow: ellipsis;
            pointer: pointer;

            &:hover { background: $surface; }
        }

        Proposals {
            height: auto;
            max-height: 10;
            margin: 0 1;
            border: round $foreground 20%;
            background: $surface;
            scrollbar-size-vertical: 1;
            text-wrap: nowrap;
            text-overflow: ellipsis;
        }
    }
    """

    @dataclass
    class Submitted(Message):
        """This should be sent; ``take`` empties the composer."""

        text: str
        attachments: tuple[Attachment, ...]

    @dataclass
    class Called(Message):
        """A command was typed."""

        command: str
        argument: str

    class Edited(Message):
        """The text in the prompt has changed."""

    @dataclass
    class Attached(Message):
        """The attachments have changed; their tokens may be counted."""

        attachments: tuple[Attachment, ...]

    def __init__(self, known: Sequence[tuple[str, str]], folder: Path | None = None) -> None:
        """Set up; ``known``: commands by id and help. ``folder``: base of ``@``, by default the
        working directory.
        """
        super().__init__()
        self._known = known
        self._folder = folder or Path()
        self._partial: Partial | None = None
        self._reading: list[Worker[bool]] = []
        self._unwanted: set[str] = set()
        """Names of files that were removed again, or cannot be read: mentions no longer attach
        them.
        """
        self.first_key: Callable[[events.Key, bool], bool] | None = None
        """Gets keys of the prompt first, and whether that is empty; returns whether it took one."""
        self.servers: ServerTexts | None = None
        """The MCP servers whose resources and prompts can be used here."""
        self._asked = ""
        """The text that the person was asked about sending as it is."""

    def compose(self) -> ComposeResult:
        """Show proposals floating above, and attachments on top of the prompt."""
        yield Proposals()
        yield Chips()
        yield Prompt()

    def on_mount(self) -> None:
        """Let proposals have some of the prompt's keys while they are shown."""
        self._prompt.before_key = self._key

    # Public interface

    @property
    def attachments(self) -> tuple[Attachment, ...]:
        """The attachments sent with the prompt."""
        return self.query_one(Chips).attachments

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing that could be sent."""
        return not self._prompt.text and not self.attachments

    def take(self) -> tuple[str, tuple[Attachment, ...]]:
        """Empty the composer; return its text and attachments."""
        self._unwanted.clear()
        attachments = self.attachments
        self.query_one(Chips).clear()
        return self._prompt.take(), attachments

    def clear(self) -> None:
        """Empty the composer without adding to the history."""
        self.query_one(Chips).clear()
        self._prompt.empty()

    def put(self, text: str, attachments: Sequence[Attachment] = ()) -> None:
        """Restore something that was not sent after all."""
        for attachment in attachments:
            self.query_one(Chips).add(attachment)
        self._prompt.put(text)
        self._attached()

    def counted(self, name: str, tokens: int) -> None:
        """Set the counted tokens of an attachment."""
        self.query_one(Chips).counted(name, tokens)

    # Sending

    @on(Prompt.Submitted)
    def _submit(self, event: Prompt.Submitted) -> None:
        event.stop()
        called = call(self._prompt.text)
        if called is None or self.attachments:
            hold(self, self._submit_prompt(event.text))
            return
        command, argument = called
        if command in dict(self._known):
            self._prompt.take()
            self.post_message(self.Called(command, argument))
        else:
            self.notify(
                f"There is no command /{command}; to send it as it is, put a space before it.",
                severity="warning",
            )

    @work(exclusive=True, group="submitting")
    async def _submit_prompt(self, text: str) -> None:
        """Send the text with all files it mentions, or ask about missing ones."""
        if await self._filled_by_server(text):
            return
        missing = await self._read_mentioned(text)
        if missing and text != self._asked:
            self._asked = text
            self.notify(
                f"There is no file {missing[0]}. Press Enter again to send it as it is.",
                severity="warning",
                markup=False,
            )
        elif await self._all_read():
            self._asked = ""
            self.post_message(self.Submitted(text, self.attachments))

    async def _read_mentioned(self, text: str) -> tuple[str, ...]:
        """Start reading the mentioned files and resources that are not attached yet.

        Returns the names of missing ones.
        """
        found = await asyncio.to_thread(mentions, text, self._folder)
        known = {attachment.name for attachment in self.attachments} | self._unwanted
        for path in found.files:
            if path.name not in known:
                self._begin_reading(path)
        from localqwq.documents.server_mentions import mentioned_resources

        servers = await self.servers.names() if self.servers and "@" in text else []
        for server, uri in mentioned_resources(text, servers):
            if f"{server}:{uri}" not in known:
                self._reading.append(self._fetch(server, uri))
        begun = tuple(f"{server}:" for server in servers)
        return tuple(name for name in found.missing if not name.startswith(begun))

    async def _filled_by_server(self, text: str) -> bool:
        """Put a server's prompt in the place of its call; return whether the text was one."""
        if self.servers is None or not text.startswith("/"):
            return False
        from localqwq.documents.server_mentions import called_prompt

        called = called_prompt(text, await self.servers.names())
        if called is None:
            return False
        try:
            self._prompt.fill(await self.servers.prompt(called))
        except LocalqwqError as error:
            self.notify(str(error), severity="warning", markup=False)
        return True

    async def _all_read(self) -> bool:
        """Wait for the files being read; return whether all could be read."""
        reading = [worker for worker in self._reading if not worker.is_finished]
        return all(await asyncio.gather(*(worker.wait() for worker in reading)))

    @on(Prompt.Changed)
    def _edited(self) -> None:
        """Report the edit: the prompt's own message stops here if it was emptied by the
        composer.
        """
        self.post_message(self.Edited())

    # Completing

    @on(Prompt.Changed)
    @on(Prompt.SelectionChanged)
    def _moved(self) -> None:
        row, column = self._prompt.cursor_location
        before = self._prompt.document.get_line(row)[:column]
        found = partial(before, first=row == 0)
        if found != self._partial or found is None:
            self._partial = found
            hold(self, self._propose(found))  # Tab and Enter act on the proposal

    @work(exclusive=True, group="proposals")
    async def _propose(self, found: Partial | None) -> None:
        proposals: list[Proposal] = []
        if found is not None and found.kind == "command":
            proposals = commands(found.word, self._known)
        elif found is not None:
            proposals = await asyncio.to_thread(files, found.word, self._folder)
            if self.servers is not None:
                offered = await self.servers.offered(found.word)
                proposals += [Proposal(f"{name} ", name, told) for name, told in offered]
            if not proposals and found.word in ("", "./", "~/", "/"):
                self.notify("There are no files here; @/ and @~/ start elsewhere.")
        if len(proposals) == 1 and found is not None:
            begun = "/" if found.kind == "command" else "@"
            if proposals[0].text.strip() == begun + found.word and proposals[0].path is None:
                proposals = []  # it is typed already
        self.query_one(Proposals).offer(proposals[: 4 * MOST])

    def _key(self, event: events.Key) -> bool:
        """Handle a key pressed in the prompt; return whether it is done with that."""
        key = event.key
        if self.first_key is not None and self.first_key(event, self.is_empty):
            return True
        proposals = self.query_one(Proposals)
        if proposals.marked is not None:
            if key == "enter" and proposals.highlighted == 0 and self._is_command:
                return False
            match key:
                case "up":
                    proposals.action_cursor_up()
                case "down":
                    proposals.action_cursor_down()
                case "tab" | "enter":
                    self._take(proposals.marked)
                case "escape":
                    proposals.offer(())
                case _:
                    return False
            return True
        if key == "enter" and self.attachments and not self._prompt.text.strip():
            self.notify("Say what to do with the attachment.")
        return key == "backspace" and not self._prompt.text and self._remove_last()

    @property
    def _is_command(self) -> bool:
        """Return whether a complete command is typed, even if longer ones begin with it."""
        called = call(self._prompt.text)
        return called is not None and called[0] in dict(self._known)

    @on(Proposals.Taken)
    def _taken(self, event: Proposals.Taken) -> None:
        event.stop()
        self._take(event.proposal)
        self._prompt.focus()

    def _take(self, proposal: Proposal) -> None:
        found = self._partial
        if found is None:
            return
        row, column = self._prompt.cursor_location
        self._prompt.replace(proposal.text, (row, found.start), (row, column))
        if proposal.path is not None:
            self._begin_reading(self._folder / proposal.path)

    # Attaching

    @on(Prompt.LongPaste)
    def _pasted_text(self, event: Prompt.LongPaste) -> None:
        event.stop()
        taken = {attachment.name for attachment in self.attachments}
        names = (f"Pasted text {number}" for number in range(1, len(taken) + 2))
        self._put_beside(Attachment(next(n for n in names if n not in taken), event.text))

    @on(Prompt.FilePaste)
    def _pasted_file(self, event: Prompt.FilePaste) -> None:
        event.stop()
        self._begin_reading(event.path)

    @on(Chip.Removed)
    def _removed(self, event: Chip.Removed) -> None:
        event.stop()
        self._unwanted.add(event.chip.attachment.name)
        self.query_one(Chips).drop(event.chip)
        self._prompt.focus()
        self._attached()

    def _remove_last(self) -> bool:
        last = self.attachments[-1:]
        self._unwanted |= {attachment.name for attachment in last}
        if self.query_one(Chips).drop_last():
            self._attached()
        return bool(last)

    def _begin_reading(self, path: Path) -> None:
        """Start reading a file to attach."""
        self._unwanted.discard(path.name)
        self._reading = [worker for worker in self._reading if not worker.is_finished]
        self._reading.append(self._read(path))

    @work(group="reading")
    async def _read(self, path: Path) -> bool:
        """Read a file; return whether that succeeded."""
        from localqwq.documents.reading import read

        reading = asyncio.create_task(asyncio.to_thread(read, path))
        done, _ = await asyncio.wait({reading}, timeout=WONDER_SECONDS)
        if not done:
            self.notify(f"Reading {path.name} …", markup=False)
        try:
            found = await reading
        except LocalqwqError as error:
            self.notify(str(error), severity="error", markup=False)
            self._unwanted.add(path.name)
            return False
        self._put_beside(Attachment(path.name, found.text))
        if found.remarks:
            said = "; ".join(found.remarks)
            self.notify(f"{path.name}: {said}.", severity="warning", markup=False)
        return True

    @work(group="reading")
    async def _fetch(self, server: str, uri: str) -> bool:
        """Read a resource of a server; return whether that succeeded."""
        assert self.servers is not None
        name = f"{server}:{uri}"
        self._unwanted.discard(name)
        self.notify(f"Reading {name} …", markup=False)
        try:
            text = await self.servers.resource(server, uri)
        except LocalqwqError as error:
            self.notify(str(error), severity="error", markup=False)
            self._unwanted.add(name)
            return False
        self._put_beside(Attachment(name, text))
        return True

    def _put_beside(self, attachment: Attachment) -> None:
        self.query_one(Chips).add(attachment)
        self._attached()

    def _attached(self) -> None:
        self.post_message(self.Attached(self.attachments))

    @property
    def _prompt(self) -> Prompt:
        return self.query_one(Prompt)
