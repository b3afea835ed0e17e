"""Keeping the session connected to its model: loading, noticing crashes, restarting."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING

from localqwq.errors import LocalqwqError
from localqwq.server.supervision.deaths import Death, LoadFailed, Shortage
from localqwq.server.supervision.restarts import TOO_OFTEN, Restarts
from localqwq.server.supervision.revival import revival
from localqwq.tui.session.messages import (
    ContextKnown,
    ModelLacks,
    ModelLoading,
    ModelLost,
    ModelProgress,
    ModelReady,
    Report,
)
from localqwq.tui.session.models import Facts, Gone, Model

if TYPE_CHECKING:
    from localqwq.client.chat_client import ChatClient
    from localqwq.client.limits import ContextLimits


class Connection:
    """The connection to the model across restarts."""

    def __init__(self, model: Model, post: Callable[[Report], object]) -> None:
        """Set up; ``post`` receives reports about the model's state."""
        self._model = model
        self._post = post
        self._facts: Facts | None = None
        self.limits: ContextLimits | None = None
        """How long the context may get; None if unknown. Only endpoints that state it can count
        tokens, too.
        """
        self.heard: set[int] = set()
        """Conversations that the current process has read, and need not read again."""
        self._reads: float | None = None
        self._restarts = Restarts()
        self._client: ChatClient | None = None
        self._failure = ""
        self._settled = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None

    @property
    def label(self) -> str:
        """The model's name and quantization, as stored with turns."""
        facts = self._facts or Facts("")
        return f"{facts.name} {facts.quant}".strip()

    @property
    def served(self) -> str | None:
        """The model's name in requests; None before it is known."""
        return self._facts.served if self._facts else None

    @property
    def gathered(self) -> float:
        """Seconds over which the model's tokens may be batched."""
        return (self._facts or Facts("")).gathered

    @property
    def reads(self) -> float | None:
        """The speed of prompt processing in tokens per second: measured, else planned."""
        return self._reads or (self._facts or Facts("")).reads

    def has_read(self, conversation: int, reads: float | None) -> None:
        """Note that an answer in a conversation has ended; ``reads``: tokens per second, if
        measured.
        """
        self.heard.add(conversation)
        self._reads = reads or self._reads

    @property
    def ready(self) -> ChatClient | None:
        """A client of a running model; None while there is none."""
        return self._client

    def start(self) -> None:
        """Start loading the model; harmless while it is being loaded."""
        if self._keeper is None or self._keeper.done():
            self._settled.clear()
            self._keeper = asyncio.create_task(self._keep())

    async def client(self) -> ChatClient:
        """Return a client of a running model, waiting for it to be loaded.

        Raises LocalqwqError if it cannot be. After a failure, each call tries again.
        """
        self.start()
        await self._settled.wait()
        if self._client is None:
            raise LocalqwqError(self._failure)
        return self._client

    async def close(self) -> None:
        """End the model."""
        self._client = None
        if self._keeper is not None:
            self._keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._keeper
        await self._model.close()

    async def _keep(self) -> None:
        """Run the model again and again, until it dies too often or cannot be loaded."""
        wait = 0.0
        while True:
            await asyncio.sleep(wait)
            end = await self._life()
            self._client = None
            if isinstance(end, str):
                self._give_up(end)
                return
            if isinstance(end, Gone):
                wait = self._look_again(end)
                continue
            again = await revival(self._restarts, end, self._take_less)
            if again is None:
                self._give_up(
                    f"{end.sentence} {TOO_OFTEN}, so it stays off until you send a prompt."
                )
                return
            self._begin_again(again.sentence)
            wait = again.wait

    def _look_again(self, end: Gone) -> float:
        """Have the model found anew; return the seconds to wait before."""
        self._facts = None
        self._restarts.died(Shortage.NO)
        self._begin_again(end.sentence)
        return self._restarts.wait(changed=True) or 0.0

    async def _life(self) -> Death | Gone | str:
        """Run the model once; return how it died, or a sentence on why it will not run again."""
        try:
            return await self._live()
        except LoadFailed as failure:
            return failure.death or str(failure)
        except LocalqwqError as error:
            return str(error)
        except Exception as error:
            # Prompts wait for `_keep`: it must end with a sentence, whatever happens in it.
            return f"The model could not be loaded ({type(error).__name__}: {error})."

    async def _live(self) -> Death | Gone:
        """Load the model and wait for its death."""
        if self._facts is None:
            self._post(ModelLoading("", ""))
            # Importing it takes a while, and typing does not wait for that.
            await asyncio.to_thread(import_module, "localqwq.client.client")
            self._facts = await self._model.prepare()
            for sentence in self._facts.problems:
                self._post(ModelLacks(sentence))
        facts = self._facts
        self._post(ModelLoading(facts.name, facts.quant))
        self._client = await self._model.connect(self._progressed)
        self.heard.clear()
        self._restarts.answering()
        self._settled.set()
        self._post(ModelReady(facts.name, facts.quant, facts.context))
        await self._measure(self._client)
        return await self._model.died()

    def _progressed(self, part: float) -> None:
        self._post(ModelProgress(part))

    async def _measure(self, client: ChatClient) -> None:
        """Report how long the context may get, if the endpoint knows."""
        try:
            self.limits = await client.limits(self.served)
        except LocalqwqError:  # it does not answer that, or died: ask again after a restart
            self.limits = None
        if self.limits is not None:
            self._post(ContextKnown(self.limits))

    async def _take_less(self, death: Death) -> str | None:
        """Return what the next run gives up because memory was short; None if nothing is left."""
        lesser = await self._model.take_less(death)
        if lesser is None:
            return None
        self._facts, change = lesser
        return change

    def _begin_again(self, sentence: str) -> None:
        """Make further prompts wait for the next run."""
        facts = self._facts or Facts("")
        self._settled.clear()
        self._post(ModelLost(sentence, restarting=True))
        self._post(ModelLoading(facts.name, facts.quant))

    def _give_up(self, sentence: str) -> None:
        """Make prompts fail until one of them tries again."""
        self._failure = sentence
        self._settled.set()
        self._post(ModelLost(sentence, restarting=False))
