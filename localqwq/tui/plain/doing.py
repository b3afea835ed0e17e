"""The implementations of plain mode's commands."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from localqwq.conversations.turns import UNSENT_TEMPORARY, Attachment, Draft, Turn
from localqwq.errors import LocalqwqError
from localqwq.tui.commands.arguments import HOW_MANY, answers_wanted, tokens_wanted
from localqwq.tui.plain.announcing import Announcer
from localqwq.tui.plain.commands import help_lines
from localqwq.tui.plain.tools import ToolTalk
from localqwq.tui.session.context_fill import scaling

if TYPE_CHECKING:
    from localqwq.conversations.buffered import BufferedStore
    from localqwq.tui.plain.speaking import Speaker
    from localqwq.tui.session.context_gauge import ContextGauge
    from localqwq.tui.session.session import Session
    from localqwq.tui.session.supply import Supply

LISTED = 20
"""Maximum number of conversations listed."""
_NOTHING_SAID = "There is nothing in this conversation yet."
_NOT_NOW = "The answer is still being written; /stop ends it."


class Doing:
    """Has a method for each command, with the same name."""

    def __init__(
        self,
        session: Session,
        speaker: Speaker,
        announcer: Announcer,
        gauge: ContextGauge,
        supply: Supply | None,
    ) -> None:
        """Set up; ``supply`` has other models, None if there is no choice."""
        self._session = session
        self._announcer = announcer
        self._say = speaker.say
        self._gauge = gauge
        self._supply = supply
        self.draft: Draft | None = None
        """A prompt that was kept and not sent."""
        self._tools = ToolTalk(session, speaker.say)

    async def do(self, command: str, argument: str) -> None:
        """Run a command; ``argument`` is the text after its name."""
        await getattr(self, f"_do_{command}")(argument)

    # Drafts

    def keep_draft(self, text: str, attachments: tuple[Attachment, ...] = ()) -> None:
        """Keep and announce a prompt that was not sent, or not answered."""
        self.draft = Draft(text, attachments)
        self._session.note_draft(text, attachments)
        files = "".join(f", with {attachment.name}" for attachment in attachments)
        self._say(f"Kept{files}: {text}", "/send sends it.")

    def forget_draft(self) -> None:
        """Forget the draft, since another conversation is open."""
        self.draft = None

    def take_draft(self) -> Draft | None:
        """Return and remove the kept prompt, to send it."""
        draft, self.draft = self.draft, None
        if draft is None:
            self._say("There is nothing to send.")
        return draft

    # Answers

    async def _do_stop(self, _: str) -> None:
        if self._session.is_answering:
            await self._session.stop()
        else:
            self._say("No answer is being written.")

    async def _do_answer_now(self, _: str) -> None:
        await self._session.answer_now()

    async def _do_think_longer(self, argument: str) -> None:
        await self._session.think_longer(tokens_wanted(argument))

    async def _do_think_on(self, _: str) -> None:
        if turn := self._settled(self._last_answer):
            await self._session.think_on(turn.id)

    async def _do_regenerate(self, _: str) -> None:
        if turn := self._settled(self._path[-1] if self._path else None):
            await self._session.regenerate(turn.id)

    async def _do_vote(self, argument: str) -> None:
        samples = answers_wanted(argument)
        if samples is None:
            self._say(HOW_MANY)
        elif turn := self._settled(self._path[-1] if self._path else None):
            await self._session.vote(turn.id, samples)

    async def _do_continue(self, _: str) -> None:
        if turn := self._settled(self._last_answer):
            await self._session.continue_from(turn.id, turn.thought, turn.text)

    # Turns

    async def _do_edit(self, argument: str) -> None:
        if not argument:
            self._say("Write the new prompt after /edit.")
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
        if turn is None or not (turn.thought or turn.rounds):
            self._say("There is no thought to read.")
        else:
            self._announcer.read(turn, thought=True)

    def tell_branch(self, turn: int) -> None:
        """Announce the branch now shown, and its first line."""
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
        self._say(*help_lines(), '""" starts and ends a prompt of several lines.')
        self._say("@ before a file name attaches the file.")

    async def _do_thoughts(self, _: str) -> None:
        self._announcer.reads_thoughts = not self._announcer.reads_thoughts
        self._say(
            "Thoughts are printed."
            if self._announcer.reads_thoughts
            else "Only the length of thoughts is printed; /thought prints the last one."
        )

    async def _do_tools(self, argument: str) -> None:
        await self._tools.choose(argument)

    async def _do_folder(self, argument: str) -> None:
        await self._tools.open_folder(argument)

    async def _do_withdraw(self, argument: str) -> None:
        await self._tools.withdraw(argument)

    async def _do_context(self, _: str) -> None:
        fill, limits = self._gauge.fill, self._gauge.limits
        about = "" if fill.is_exact else "About "
        room = f" of {limits.tokens:,}" if limits else ""
        self._say(f"{about}{fill.used:,}{room} tokens of the context are used.")
        if limits is not None:
            self._say(scaling(limits))

    async def _do_model(self, argument: str) -> None:
        if not argument or self._supply is None:
            self._say("Name a model after /model; `localqwq models` lists them.")
            return
        endpoints = {endpoint.name for endpoint in self._session.settings.endpoints}
        find = self._supply.remote if argument in endpoints else self._supply.local
        model = find(argument)
        try:
            await model.prepare()
        except LocalqwqError as error:  # then the current one stays
            self._say(str(error))
        else:
            await self._session.switch(model)

    # Checks

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
        """Return the turn, unless it must not be changed now, which is announced."""
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
