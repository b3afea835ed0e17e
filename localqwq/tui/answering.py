"""One answer while it is generated: counted, journalled, and ended in one of four ways."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from textual.message import Message as Report

from localqwq.conversations.store import Store
from localqwq.conversations.turns import Measures, Status, Turn
from localqwq.errors import LocalqwqError
from localqwq.reasoning.events import (
    Answer,
    ContextChanged,
    Event,
    Finish,
    PromptProgress,
    Thought,
)
from localqwq.reasoning.messages import Message
from localqwq.tui import messages
from localqwq.tui.messages import AnswerGrew, PromptRead, ThoughtGrew
from localqwq.tui.records import Records

if TYPE_CHECKING:
    from localqwq.client.client import Client

JOURNAL_SECONDS = 1.0
"""Text is in memory alone for no longer than this."""
RATE_SECONDS = 0.3
"""A rate is shown when it was measured for so long."""

FULL = "The context is full, so the answer ends here; a new conversation has room again."
EMPTY = "The model ended its turn without an answer."
LOST = "The engine stopped here."


class Answering:
    """The generation of one assistant's turn.

    The turn is stored with its first token, so a prompt whose answer never began can be taken
    back.
    """

    def __init__(
        self,
        records: Records,
        conversation: int,
        prompt: Turn,
        label: str,
        post: Callable[[Report], object],
    ) -> None:
        """The answer to `prompt` in `conversation` by the model that `label` names."""
        self._records = records
        self._conversation = conversation
        self._prompt = prompt
        self._label = label
        self._post = post
        self._turn: asyncio.Future[Turn] | None = None
        # What the journal does not have yet.
        self._thought = ""
        self._text = ""
        self._answered = False
        self._started = self._first = time.monotonic()
        self._measures = Measures()

    async def run(self, client: Client, messages: list[Message], name: str | None) -> Turn:
        """Generates until the end and returns the stored turn.

        Being cancelled stops the generation and keeps what is there. Before the first token,
        cancellation and LocalqwqError pass through and nothing is stored.
        """
        from localqwq.client.client import ChatOptions
        from localqwq.client.errors import EndpointLost

        status: Status = "done"
        note = ""
        journal = asyncio.create_task(self._journal())
        try:
            async with aclosing(client.chat(messages, ChatOptions(model=name))) as events:
                async for event in events:
                    note = await self._take(event)
        except asyncio.CancelledError:
            if self._turn is None:
                raise
            status = "stopped"
        except LocalqwqError as error:
            if self._turn is None:
                raise
            status, note = "lost", LOST if isinstance(error, EndpointLost) else str(error)
        finally:
            journal.cancel()
        return await self._finish(status, note)

    async def _take(self, event: Event) -> str:
        """Takes one event in; returns a note when there is something to say about the end."""
        match event:
            case PromptProgress(done, total):
                self._measures = replace(self._measures, context_tokens=total)
                self._post(PromptRead(done, total))
            case ContextChanged(context, factor):
                self._post(messages.ContextChanged(context, factor))
            case Thought(text, tokens):
                await self._begin()
                self._thought += text
                self._count(tokens)
                self._measures = replace(
                    self._measures,
                    thought_tokens=self._measures.thought_tokens + tokens,
                    thought_seconds=time.monotonic() - self._first,
                )
                self._post(ThoughtGrew(text, self._measures))
            case Answer(text, tokens):
                await self._begin()
                self._text += text
                self._answered = True
                self._count(tokens)
                self._post(AnswerGrew(text, self._measures))
            case Finish():
                self._settle(event)
                return FULL if event.reason == "length" else "" if self._answered else EMPTY
        return ""

    async def _begin(self) -> None:
        """Stores the turn; shielded, so that a stop in this moment loses nothing either."""
        if self._turn is None:
            self._first = time.monotonic()
            conversation, parent, label = self._conversation, self._prompt.id, self._label
            self._turn = asyncio.ensure_future(
                self._records.do(lambda store: store.start_answer(conversation, parent, label))
            )
        if not self._turn.done():
            await asyncio.shield(self._turn)

    def _count(self, tokens: int) -> None:
        now = time.monotonic()
        before = self._measures
        generated = before.tokens + tokens
        generating = now - self._first
        self._measures = replace(
            before,
            seconds=now - self._started,
            tokens=generated,
            context_tokens=before.context_tokens + tokens,
            rate=(generated - 1) / generating if generating > RATE_SECONDS else before.rate,
        )

    def _settle(self, finish: Finish) -> None:
        """The server's own counts at the end win over those made on the way."""
        usage, counted = finish.usage, self._measures
        self._measures = replace(
            counted,
            seconds=time.monotonic() - self._started,
            tokens=usage.completion_tokens or counted.tokens,
            thought_tokens=usage.reasoning_tokens or counted.thought_tokens,
            context_tokens=usage.total_tokens or counted.context_tokens,
            rate=finish.timings.generate_tps or counted.rate,
        )

    async def _journal(self) -> None:
        """Stores once a second what has come since; ends by being cancelled."""
        while True:
            await asyncio.sleep(JOURNAL_SECONDS)
            if self._turn is None or not self._turn.done() or not self._thought + self._text:
                continue
            turn = self._turn.result().id
            thought, text = self._pieces()
            append = partial(
                Store.append, turn=turn, thought=thought, text=text, measures=self._measures
            )
            await self._records.do(append)

    def _pieces(self) -> tuple[str, str]:
        pieces = self._thought, self._text
        self._thought = self._text = ""
        return pieces

    async def _finish(self, status: Status, note: str) -> Turn:
        await self._begin()
        assert self._turn is not None
        turn, measures = (await self._turn).id, self._measures
        thought, text = self._pieces()
        return await self._records.do(
            lambda store: store.finish(turn, status, thought, text, measures, note)
        )
