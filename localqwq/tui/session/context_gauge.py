"""Tracking what fills the context, counted by the model itself if possible."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

from localqwq.client.limits import ContextLimits
from localqwq.conversations.rounds import Round
from localqwq.conversations.turns import Attachment, Measures
from localqwq.errors import LocalqwqError
from localqwq.tui.session.context_fill import (
    TEMPLATE,
    Fill,
    estimated,
    results_read,
    unbounded,
    warning,
)
from localqwq.tui.session.session import Session

PAUSE = 0.3
"""Seconds without a key before a draft is counted."""
LONG_READING = 10.0
"""Seconds; longer prompt processing is announced before sending."""


class ContextGauge:
    """The content of the context now, and with the draft."""

    def __init__(
        self,
        session: Session,
        changed: Callable[[], object],
        attachment_counted: Callable[[str, int], object],
    ) -> None:
        """Set up; ``changed`` is called when there is something new to show, ``attachment_counted``
        with an attachment's name and tokens.
        """
        self.fill = Fill()
        self.limits: ContextLimits | None = None
        self.thought = 0
        """Tokens of the last, finished thought."""
        self._session = session
        self._changed = changed
        self._attachment_counted = attachment_counted
        self._counted: dict[str, int] = {"": 0}
        self._draft: asyncio.Task[None] | None = None
        self._parts: asyncio.Task[None] | None = None
        self._before = Measures()
        self._rounds: tuple[Round, ...] = ()

    @property
    def total(self) -> int | None:
        """The current context length in tokens; None if unknown."""
        return None if self.limits is None else self.limits.tokens

    @property
    def warning(self) -> str:
        """The warning about sending the draft."""
        if self.limits is None or self._session.is_answering:
            return ""
        return warning(self.fill, self.limits)

    def doubt(self, text: str, attachments: tuple[Attachment, ...]) -> str:
        """Return a question before sending attachments to a server with an unknown context.

        Empty if none is needed: the context is known, not known yet, or large enough on every
        server.
        """
        if self.limits is not None or not attachments or self._session.connection.ready is None:
            return ""
        tokens = self.fill.used - self.fill.draft + estimated(text)
        tokens += sum(one.tokens or estimated(one.text) for one in attachments)
        return unbounded(tokens)

    @property
    def long_reading(self) -> float:
        """Return the seconds to process the draft; 0 if that is short, or the speed is unknown."""
        session, fill = self._session, self.fill
        rate = session.connection.reads
        if rate is None or not fill.draft or session.is_answering:
            return 0.0
        conversation = session.conversation
        is_known = conversation is None or conversation.id in session.connection.heard
        tokens = fill.draft + TEMPLATE + (0 if is_known else fill.used - fill.draft)
        return tokens / rate if tokens / rate >= LONG_READING else 0.0

    def know(self, limits: ContextLimits | None) -> None:
        """Note how long the context may get; None if the model is replaced or gone."""
        self.limits = limits
        self._counted = {"": 0}
        self.rest()

    def grew(self, tokens: int, factor: float) -> None:
        """Note that the context was recreated."""
        if self.limits is not None:
            self.limits = replace(self.limits, tokens=tokens, factor=factor)
        self._changed()

    def run(self, measures: Measures) -> None:
        """Note that more was processed or generated."""
        self.fill = self.fill.running(measures, self._before)
        self._changed()

    def called(self, rounds: tuple[Round, ...], measures: Measures) -> None:
        """Note that the model has called tools; what it generates next is another round."""
        self._before, self._rounds = measures, rounds
        self._count_parts_soon()

    def retool(self) -> None:
        """Note that the model may call other tools, which the next prompt describes."""
        self._count_parts_soon(adds=True)

    def rest(self) -> None:
        """Note that nothing is being generated: the next prompt finds the present content."""
        conversation = self._session.conversation
        path = conversation.path() if conversation else ()
        last = next((turn for turn in reversed(path) if turn.role == "assistant"), None)
        self.thought = last.measures.thought_tokens if last else 0
        keep = self._session.in_force.thinking.keep
        self._before, self._rounds = Measures(), ()
        self.fill = self.fill.resting(path, keep_thoughts=keep)
        self._count_parts_soon()
        self._changed()

    def type(self, text: str, attachments: tuple[Attachment, ...] = ()) -> None:
        """Note the text in the prompt; it is counted after a pause in typing."""
        self._cancel(self._draft)
        self._draft = asyncio.create_task(self._weigh_soon(text, attachments))

    def close(self) -> None:
        """Stop counting."""
        self._cancel(self._draft)
        self._cancel(self._parts)

    def _count_parts_soon(self, *, adds: bool = False) -> None:
        self._cancel(self._parts)
        self._parts = asyncio.create_task(self._count_parts(adds=adds))

    async def _count_parts(self, *, adds: bool) -> None:
        """Count what is apart from the history, though it was read with it.

        ``adds``: whether what is new was not read yet.
        """
        session = self._session
        system = await self._count(session.system) + (TEMPLATE if session.system else 0)
        tools = await self._count(await session.toolbox.definitions(session.tools))
        rounds = [one for turn in session.path for one in turn.rounds]
        results = await self._count(results_read([*rounds, *self._rounds]))
        before = self.fill
        if (system, tools, results) != (before.system, before.tools, before.results):
            apart = before.system + before.tools + before.results
            history = max(0, before.history + apart - system - tools - results)
            self.fill = replace(
                before,
                system=system,
                tools=tools,
                results=results,
                history=before.history if adds else history,
            )
            self._changed()

    async def weigh(self, text: str, attachments: tuple[Attachment, ...]) -> None:
        """Count a prompt that is about to be sent."""
        self._cancel(self._draft)
        await self._weigh(text, attachments)

    async def _weigh(self, text: str, attachments: tuple[Attachment, ...]) -> None:
        tokens = await self._count(text)
        for attachment in attachments:
            if not (counted := attachment.tokens):
                counted = await self._count(attachment.text)
                self._attachment_counted(attachment.name, counted)
            tokens += counted
        if not self._session.is_answering and tokens != self.fill.draft:
            self.fill = replace(self.fill, draft=tokens)
            self._changed()

    async def _weigh_soon(self, text: str, attachments: tuple[Attachment, ...]) -> None:
        if text:
            await asyncio.sleep(PAUSE)
        await self._weigh(text, attachments)

    async def _count(self, text: str) -> int:
        """Return the tokens of a text, estimated if they cannot be counted."""
        if text not in self._counted:
            client = self._session.connection.ready
            if client is None or self.limits is None:
                return estimated(text)
            try:
                self._counted[text] = await client.count(text, self._session.connection.served)
            except LocalqwqError:  # it died or cannot count; the text is kept all the same
                return estimated(text)
            while len(self._counted) > 8:
                del self._counted[next(iter(self._counted))]
        return self._counted[text]

    def _cancel(self, task: asyncio.Task[None] | None) -> None:
        if task is not None:
            task.cancel()
