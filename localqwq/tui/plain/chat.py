"""Plain mode: typed lines go to a session, whose reports are printed."""

from __future__ import annotations

import asyncio
import shutil
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from localqwq.documents.server_mentions import called_prompt
from localqwq.errors import LocalqwqError
from localqwq.settings.file import SettingsFile
from localqwq.tui.plain.announcing import Announcer, spoken, titled
from localqwq.tui.plain.asked import STILL, Asked
from localqwq.tui.plain.attaching import Refused, attached
from localqwq.tui.plain.commands import AT_ONCE, HERE, SYNONYMS, named, unknown
from localqwq.tui.plain.doing import Doing
from localqwq.tui.plain.keyboard import LONGEST_LINE, Keyboard
from localqwq.tui.plain.speaking import Speaker
from localqwq.tui.plain.typing import Call, Typing, Words
from localqwq.tui.session import messages
from localqwq.tui.session.beginning import Beginning
from localqwq.tui.session.context_gauge import ContextGauge
from localqwq.tui.session.server_texts import ServerTexts
from localqwq.tui.session.session import Session
from localqwq.tui.session.store_thread import StoreThread
from localqwq.tui.terminal.attention import LONG_SECONDS

if TYPE_CHECKING:
    from localqwq.conversations.turns import Attachment
    from localqwq.tui.session.models import Model
    from localqwq.tui.session.supply import Supply

WIDEST = 100
"""Maximum width of a line in cells."""
SETTLE_SECONDS = 0.1
"""Seconds after a report before input is invited, unless more follows."""
TWICE_SECONDS = 3.0
"""Seconds within which two Ctrl+C quit."""
WELCOME = (
    "localqwq in plain mode. Type a prompt and press Enter; /help lists commands, /exit quits."
)
ONCE_MORE = "Ctrl+C again quits, and so does /exit."
CUT = (
    f"That line was longer than the {LONGEST_LINE:,} bytes that the terminal can pass on, and was "
    "not sent. Put the text into a file and attach it with @."
)
_SIGNALS = ("SIGTERM", "SIGHUP", "SIGQUIT")


class PlainChat:
    """One session, typed to and read line by line.

    On a terminal one can type on while an answer arrives. In a pipe each line waits for the answer
    to the one before.
    """

    def __init__(
        self,
        model: Model,
        conversations: Path,
        beginning: Beginning,
        supply: Supply | None,
        ring: Callable[[], object],
    ) -> None:
        """Set up a chat with ``model``, stored in ``conversations``; ``supply`` has other models,
        and ``ring`` rings the terminal's bell.
        """
        self._model = model
        self._conversations = conversations
        self._beginning = beginning
        self._supply = supply
        self._ring = ring
        self._is_terminal = sys.stdin.isatty()
        self._speaker = Speaker(sys.stdout, invites=self._is_terminal)
        self._announcer = Announcer(self._speaker, min(WIDEST, shutil.get_terminal_size().columns))
        self._typing = Typing([*HERE, *SYNONYMS])
        self._waiting: asyncio.Queue[Call | Words | None] = asyncio.Queue()
        self._rested = asyncio.Event()
        self._over: asyncio.Future[str | int] | None = None
        self._interrupted = 0.0
        self._settling: asyncio.TimerHandle | None = None
        self._is_busy = False

    async def run(self) -> int:
        """Chat until the person quits, and return the exit code.

        Raises LocalqwqError if there is no model.
        """
        from localqwq.locations import settings_file

        loop = asyncio.get_running_loop()
        self._over = loop.create_future()
        self._hear_signals(loop)
        self._speaker.say(WELCOME)
        self._file = SettingsFile(settings_file())
        settings = await asyncio.to_thread(self._file.read)
        if self._file.problem:
            self._speaker.say(self._file.problem)
        self._announcer.reads_thoughts = settings.thinking.display == "open"
        records = StoreThread(self._conversations, lambda said: self._take(messages.Unstored(said)))
        self._session = Session(records, self._model, self._take, self._beginning, settings)
        self._servers = ServerTexts(self._session)
        self._gauge = ContextGauge(self._session, lambda: None, lambda name, tokens: None)
        self._doing = Doing(
            self._session, self._speaker, self._announcer, self._gauge, self._supply
        )
        decide = self._session.answers.decide
        self._asked = Asked(self._speaker.say, decide, is_terminal=self._is_terminal)
        await self._session.open()
        self._rested.set()
        tasks = [asyncio.create_task(work()) for work in (self._listen, self._work)]
        try:
            end = await self._over
        finally:
            for task in tasks:
                task.cancel()
            self._gauge.close()
            left = await self._session.close()
        if left:
            print(f"error: {left}", file=sys.stderr)
        if isinstance(end, str):
            raise LocalqwqError(end)
        return end or (1 if left else 0)

    # Input

    async def _listen(self) -> None:
        """Read lines: some commands are run at once, everything else in order."""
        keyboard = Keyboard(sys.stdin.fileno(), is_terminal=self._is_terminal)
        while (lines := await keyboard.lines()) is not None:
            self._speaker.heard()
            if self._is_terminal and any(len(line.encode()) >= LONGEST_LINE for line in lines):
                self._speaker.say(CUT)
                lines = []
            if len(lines) == 1 and self._asked.answers(lines[0]):
                continue
            for entry in self._typing.take(lines):
                if isinstance(entry, Call) and self._is_for_now(entry):
                    await self._do(entry)
                else:
                    self._waiting.put_nowait(entry)
            if self._asked.waits:
                self._speaker.say(STILL)
            self._invite()
        if self._is_terminal:
            self._leave(128 + signal.SIGHUP if keyboard.is_gone else 0)
        else:
            self._waiting.put_nowait(None)

    def _is_for_now(self, entry: Call) -> bool:
        return self._is_terminal and (named(entry.command) or "exit") in {*AT_ONCE, "exit"}

    async def _work(self) -> None:
        """Do one thing after the other; prompts wait for earlier answers."""
        while (entry := await self._waiting.get()) is not None:
            self._is_busy = True
            if isinstance(entry, Words) or not self._is_terminal:
                await self._rested.wait()
            if isinstance(entry, Call):
                await self._do(entry)
            else:
                await self._send(entry)
            self._is_busy = False
            self._settle_soon()
        await self._rested.wait()
        self._leave(0)

    async def _send(self, words: Words) -> None:
        if words.lines > 1:
            self._speaker.say(f"Sent as one prompt: {words.lines} lines.")
        if await self._filled_by_server(words.text):
            return
        try:
            files = await attached(words.text, Path(), self._servers)
        except Refused as refused:
            self._speaker.say(str(refused))
            self._doing.keep_draft(words.text)
            return
        for file in files:
            self._speaker.say(f"Attached: {file.name}, {len(file.text):,} characters.")
        await self._gauge.weigh(words.text, files)
        if self._gauge.warning:
            self._speaker.say(self._gauge.warning)
        if seconds := self._gauge.long_reading:
            self._speaker.say(f"Reading this will take the model about {spoken(seconds)}.")
        await self._ask(words.text, files)

    async def _filled_by_server(self, text: str) -> bool:
        """Keep the prompt of an MCP server for sending; return whether the text called one."""
        if not text.startswith("/"):
            return False
        called = called_prompt(text, await self._servers.names())
        if called is None:
            return False
        try:
            self._doing.keep_draft(await self._servers.prompt(called))
        except LocalqwqError as error:
            self._speaker.say(str(error))
        return True

    async def _ask(self, text: str, files: tuple[Attachment, ...]) -> None:
        if self._file.is_changed():
            self._session.settings = await asyncio.to_thread(self._file.read)
        self._rested.clear()
        draft = self._doing.draft
        if not await self._session.send(text, files):
            self._settle_soon()
        elif draft is not None:  # what was kept remains
            self._session.note_draft(draft.text, draft.attachments)

    async def _do(self, entry: Call) -> None:
        command = named(entry.command)
        if command is None:
            self._speaker.say(unknown(entry.command))
        elif command == "exit":
            self._leave(0)
        elif command == "send":
            await self._rested.wait()
            if (draft := self._doing.take_draft()) is not None:
                await self._ask(draft.text, draft.attachments)
        else:
            await self._doing.do(command, entry.argument)

    # Output

    def _take(self, report: messages.Report) -> None:
        """Handle a report of the session."""
        match report:
            case messages.Opened():
                self._opened(report)
            case messages.ContextKnown(limits):
                self._gauge.know(limits)
            case messages.ModelLost(sentence, restarting) if not (
                restarting or self._announcer.is_ready or self._session.answers.running
            ):
                self._leave(sentence)  # it never loaded, and nothing is lost by quitting
            case messages.PromptReturned(text, _, attachments):
                self._announcer.take(report)
                self._doing.keep_draft(text, attachments)
            case messages.PermissionAsked(question):
                self._asked.ask(question)
            case messages.PermissionSettled():
                self._asked.settle()
            case messages.RoundsChanged(rounds, measures):
                self._gauge.called(rounds, measures)
                self._announcer.take(report)
            case messages.PromptStored():
                self._rested.clear()
                self._announcer.take(report)
            case (
                messages.AnswerGrew(_, measures)
                | messages.ThoughtGrew(_, measures)
                | messages.TurnRetold(_, _, measures)
            ):
                self._gauge.run(measures)
                self._announcer.take(report)
            case messages.AnswerEnded(turn):
                self._announcer.take(report)
                if turn.status != "stopped" and turn.measures.seconds >= LONG_SECONDS:
                    self._call_back()
            case messages.EndedElsewhere():
                self._announcer.take(report)
                self._call_back()
            case _:
                self._announcer.take(report)
        self._settle_soon()
        if self._speaker.is_gone:
            self._leave(1)

    def _opened(self, report: messages.Opened) -> None:
        if not report.same:
            self._speaker.say(titled(report.conversation))
        elif report.turn is not None:
            self._doing.tell_branch(report.turn)
        if report.draft or report.attachments:
            self._doing.keep_draft(report.draft, report.attachments)
        elif not report.same:
            self._doing.forget_draft()

    def _call_back(self) -> None:
        """Ring for a person who is elsewhere, unless that is disabled."""
        if self._is_terminal and self._session.settings.work.notify != "off":
            self._ring()

    def _settle_soon(self) -> None:
        if self._settling is not None:
            self._settling.cancel()
        self._settling = asyncio.get_running_loop().call_later(SETTLE_SECONDS, self._settle)

    def _settle(self) -> None:
        """Continue with input once no answer is running and nothing is changing."""
        if self._session.is_changing:
            self._settle_soon()
        elif not self._session.is_answering:
            self._gauge.rest()
            self._rested.set()
            self._invite()

    def _invite(self) -> None:
        """Invite the next line once the model is ready and nothing else is to be done."""
        if self._over is None or self._over.done():
            return
        waits = self._rested.is_set() and self._waiting.empty() and not self._is_busy
        if waits and self._announcer.is_ready and not self._typing.is_quoted:
            self._speaker.invite()

    # The end

    def _leave(self, end: str | int) -> None:
        """End with an exit code, or with a sentence that gives the reason."""
        if self._over is not None and not self._over.done():
            self._over.set_result(end)

    def _hear_signals(self, loop: asyncio.AbstractEventLoop) -> None:
        with suppress(NotImplementedError):
            loop.add_signal_handler(signal.SIGINT, self._interrupt)
            for name in _SIGNALS:
                if number := getattr(signal, name, None):
                    loop.add_signal_handler(number, self._leave, 128 + number)

    def _interrupt(self) -> None:
        """Handle Ctrl+C: stop the answer or the current work; twice in a row without either,
        quit.
        """
        self._speaker.heard()
        if self._session.is_answering:
            self._stopping = asyncio.ensure_future(self._session.stop())
            return
        now, before = time.monotonic(), self._interrupted
        self._interrupted = now
        if now - before < TWICE_SECONDS:
            self._leave(0)
            return
        self._typing.unquote()
        self._speaker.say("", ONCE_MORE)
        self._invite()
