"""Keeps the session connected to its model: loads it, notices its death, starts it again."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from textual.message import Message

from localqwq.errors import LocalqwqError
from localqwq.tui.messages import ModelLoading, ModelLost, ModelReady
from localqwq.tui.models import Facts, Model

if TYPE_CHECKING:
    from localqwq.client.client import Client

DEATHS = 3
"""So many deaths within a minute end the attempts to start the engine again."""
_MINUTE = 60.0


class Connection:
    """The one way to the model, through all of its lives."""

    def __init__(self, model: Model, post: Callable[[Message], object]) -> None:
        """`post` takes messages about how the model is doing."""
        self._model = model
        self._post = post
        self._facts: Facts | None = None
        self._deaths: deque[float] = deque(maxlen=DEATHS)
        self._client: Client | None = None
        self._failure = ""
        self._settled = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None

    @property
    def label(self) -> str:
        """The model's name and quantization, as turns remember them."""
        facts = self._facts or Facts("")
        return f"{facts.name} {facts.quant}".strip()

    @property
    def served(self) -> str | None:
        """What requests call the model; None before it is known."""
        return self._facts.served if self._facts else None

    def start(self) -> None:
        """Begins to load the model; harmless while that is going on."""
        if self._keeper is None or self._keeper.done():
            self._settled.clear()
            self._keeper = asyncio.create_task(self._keep())

    async def client(self) -> Client:
        """A client of a model that answers, waiting for it to be loaded.

        Raises LocalqwqError when it cannot be. After a failure each call tries once more.
        """
        self.start()
        await self._settled.wait()
        if self._client is None:
            raise LocalqwqError(self._failure)
        return self._client

    async def close(self) -> None:
        """Ends the model."""
        if self._keeper is not None:
            self._keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._keeper
        await self._model.close()

    async def _keep(self) -> None:
        """One life of the model after the other, until it dies too often."""
        restarting = True
        while restarting:
            try:
                await self._load()
            except LocalqwqError as error:
                self._failure, restarting = str(error), False
            except Exception as error:
                # Prompts wait for this task: it must end in a sentence, whatever happens in it.
                self._failure = f"The model could not be loaded ({type(error).__name__}: {error})."
                restarting = False
            else:
                sentence = await self._model.died()
                self._deaths.append(time.monotonic())
                restarting = not self._dies_too_often()
                rest = (
                    "It is being started again."
                    if restarting
                    else f"That was the {DEATHS}rd time within a minute, so it stays off until "
                    "you send a prompt."
                )
                self._failure = f"{sentence} {rest}"
            self._client = None
            if restarting:
                self._settled.clear()
            else:
                self._settled.set()
            self._post(ModelLost(self._failure, restarting))

    async def _load(self) -> None:
        if self._facts is None:
            self._post(ModelLoading("", ""))
            self._facts = await self._model.prepare()
        facts = self._facts
        self._post(ModelLoading(facts.name, facts.quant))
        self._client = await self._model.connect()
        self._settled.set()
        self._post(ModelReady(facts.name, facts.quant, facts.context))

    def _dies_too_often(self) -> bool:
        return len(self._deaths) == DEATHS and self._deaths[-1] - self._deaths[0] < _MINUTE
