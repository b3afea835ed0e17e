"""What the commands of the chat without a screen do."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from localqwq.conversations.turns import UNSENT_TEMPORARY, Attachment, Draft, Turn
from localqwq.errors import LocalqwqError
from localqwq.tui.plain.announcing import Announcer
from localqwq.tui.plain.commands import help_lines
from localqwq.tui.session.context_fill import scaling

if TYPE_CHECKING:
    from localqwq.conversations.buffered import BufferedStore
    from localqwq.tui.plain.speaking import Speaker
    from localqwq.tui.session.context_gauge import ContextGauge
    from localqwq.tui.session.session import Session
    from localqwq.tui.session.supply import Supply

LONGER = 2048
"""Tokens that a thought gets when it is to go on, unless a number is named."""
LISTED = 20
"""Conversations."""
_NOTHING_SAID = "There is nothing in this conversation yet."
_NOT_NOW = "The answer is still being written; /stop ends it."


class Doing:
    """Has a method for each command, named after it."""

    def __init__(
        self,
        session: Session,
        speaker: Speaker,
        announcer: Announcer,
        gauge: ContextGauge,
        supply: Supply | None,
    ) -> None:
        """`supply` has other models; None where there are none to choose."""
        self._session = session
        self._announcer = announcer
        self._say = speaker.say
        self._gauge = gauge
        self._supply = supply
        self.draft: Draft | None = None
        """What was kept and is not sent."""

    async def do(self, command: str, argument: str) -> None:
        """Does what a command says; `argument`: what was typed behind its name."""
        await getattr(self, f"_do_{command}")(argument)

    # What was typed and not sent

    def keep_draft(self, text: str, attachments: tuple[Attachment, ...] = ()) -> None:
        """Keeps a prompt that was not sent, or not answered, and tells so."""
        self.draft = Draft(text, attachments)
        self._session.note_draft(text, attachments)
        files = "".join(f", with {attachment.name}" for attachment in attachments)
        self._say(f"Kept{files}: {text}", "/send sends it.")

    def forget_draft(self) -> None:
        """Another conversation is open, which has none."""
        self.draft = None

    def take_draft(self) -> Draft | None:
        """What was kept, to be sent now."""
        draft, self.draft = self.draft, None
        if draft is None:
            self._say("There is nothing to send.")
        return draft

    # Answers

    async def _do_stop(self, _: str) -> None:
        if self._session.is_answering:
            await self._session.stop()
        else:
            self._say("There is no answer on its way.")

    async def _do_answer_now(self, _: str) -> None:
        await self._session.answer_now()

    async def _do_think_longer(self, argument: str) -> None:
        tokens = int(argument) if argument.isdecimal() and len(argument) < 8 else LONGER
        await self._session.think_longer(tokens)

    async def _do_think_on(self, _: str) -> None:
        if turn := self._settled(self._last_answer):
            await self._session.think_on(turn.id)

    async def _do_regenerate(self, _: str) -> None:
        if turn := self._settled(self._path[-1] if self._path else None):
            await self._session.regenerate(turn.id)

    async def _do_continue(self, _: str) -> None:
        if turn := self._settled(self._last_answer):
            await self._session.continue_from(turn.id, turn.thought, turn.text)

    # Turns

    async def _do_edit(self, argument: str) -> None:
        if not argument:
            self._say("Write the new prompt behind /edit.")
        elif turn := self._settled(self._last_prompt):
            await self._session.edit(turn.id, argument)

    async def _do_older(self, _: str) -> None:
        await self._branch(-1)

    async def _do_newer(self, _: str) -> None:
        await self._branch(1)

    async def _do_remove(self, _: str) -> None:
        if turn := self._settled(self._last_prompt):
            await self._session.remove(turn.id)

    async def _do_undo(self, _: str) -> None:
        await self._session.undo()

    async def _do_read(self, argument: str) -> None:
        turns = self._path if argument == "all" else self._path[-2:]
        for turn in turns:
            self._announcer.read(turn)
        if not turns:
            self._say(_NOTHING_SAID)

    async def _do_thought(self, _: str) -> None:
        turn = self._last_answer
        if turn is None or not turn.thought:
            self._say("There is no thought to read.")
        else:
            self._announcer.read(turn, thought=True)

    def tell_branch(self, turn: int) -> None:
        """Says which branch is shown now, and its first line."""
        conversation = self._session.conversation
        shown = self._session.turn(turn)
        if conversation is None or shown is None:
            return
        number, many = conversation.branches.get(turn, (1, 1))
        if many > 1:
            first = (shown.text or shown.thought).strip().partition("\n")[0]
            self._say(f"Branch {number} of {many}: {first}")

    # Conversations

    async def _do_new(self, _: str) -> None:
        await self._session.new()

    async def _do_temporary(self, _: str) -> None:
        await self._session.show(UNSENT_TEMPORARY)
        self._say("Nothing of this conversation will be stored.")

    async def _do_conversations(self, argument: str) -> None:
        def found(store: BufferedStore) -> list[str]:
            if argument:
                titles = {hit.conversation: hit.title for hit in store.search(argument)}
                return [f"{number}: {title}" for number, title in list(titles.items())[:LISTED]]
            return [
                f"{one.id}: {one.title}, {datetime.fromtimestamp(one.updated):%Y-%m-%d %H:%M}"
                for one in store.newest(LISTED)
            ]

        try:
            lines = await self._session.records.do(found)
        except LocalqwqError as error:
            lines = [str(error)]
        self._say(*(lines or ["There is none."]))

    async def _do_open(self, argument: str) -> None:
        if argument.isdecimal():
            await self._session.show(int(argument))
        else:
            self._say("Name a conversation by its number; /conversations lists them.")

    # The rest

    async def _do_help(self, _: str) -> None:
        self._say(*help_lines(), '""" begins a prompt of several lines, and ends it.')
        self._say("@ before the name of a file attaches it.")

    async def _do_thoughts(self, _: str) -> None:
        self._announcer.reads_thoughts = not self._announcer.reads_thoughts
        self._say(
            "Thoughts are read out."
            if self._announcer.reads_thoughts
            else "Of thoughts only their length is told; /thought reads the last one."
        )

    async def _do_context(self, _: str) -> None:
        fill, limits = self._gauge.fill, self._gauge.limits
        about = "" if fill.is_exact else "About "
        room = f" of {limits.tokens:,}" if limits else ""
        self._say(f"{about}{fill.used:,}{room} tokens of the context are used.")
        if limits is not None:
            self._say(scaling(limits))

    async def _do_model(self, argument: str) -> None:
        if not argument or self._supply is None:
            self._say("Name a model behind /model; `localqwq models` lists them.")
            return
        endpoints = {endpoint.name for endpoint in self._session.settings.endpoints}
        find = self._supply.remote if argument in endpoints else self._supply.local
        model = find(argument)
        try:
            await model.prepare()
        except LocalqwqError as error:  # then the one that is there stays
            self._say(str(error))
        else:
            await self._session.switch(model)

    # What there is

    @property
    def _path(self) -> tuple[Turn, ...]:
        return self._session.path

    @property
    def _last_answer(self) -> Turn | None:
        return next((turn for turn in reversed(self._path) if turn.role == "assistant"), None)

    @property
    def _last_prompt(self) -> Turn | None:
        return next((turn for turn in reversed(self._path) if turn.role == "user"), None)

    def _settled(self, turn: Turn | None) -> Turn | None:
        """The turn, unless something stands against changing it, which is said."""
        if self._session.is_answering:
            self._say(_NOT_NOW)
            return None
        if turn is None:
            self._say(_NOTHING_SAID)
        return turn

    async def _branch(self, step: int) -> None:
        conversation = self._session.conversation
        fork = conversation.fork if conversation else None
        if fork is None:
            self._say("There is no other branch.")
        else:
            await self._session.branch(fork.id, step)
