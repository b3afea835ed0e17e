"""``POST /api/chat`` and ``POST /api/generate``."""

import time
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Literal

from starlette.types import Receive, Scope, Send

from localqwq.durations import kept_alive
from localqwq.gguf.sampling import Sampling
from localqwq.reasoning.events import Event
from localqwq.server.engine.remote import RemoteEngine
from localqwq.server.http.body import read_json
from localqwq.server.http.error_forms import ollama_error
from localqwq.server.http.ignored_fields import IgnoredFields
from localqwq.server.http.ollama.schema import OllamaChat, OllamaGenerate
from localqwq.server.http.ollama.translation import (
    check_context,
    to_chat,
    to_text,
    unknown,
)
from localqwq.server.http.ollama.writer import OllamaForm, OllamaWriter, whole_answer
from localqwq.server.http.replies import json_response, ndjson
from localqwq.server.http.streams import (
    Json,
    StreamForm,
    send_stream,
    stopped_with_client,
    with_pings,
)
from localqwq.server.http.tokens import Vocabulary
from localqwq.server.http.turns import Batches, Turns

LINES = StreamForm(encode=ndjson, failed=ollama_error, media_type=b"application/x-ndjson")
"""How Ollama's API writes a stream."""


def unloaded(kind: Literal["chat", "generate"]) -> Callable[[str], Json]:
    """Return what returns the answer to a request that only unloads a model, by its name."""

    def answer(name: str) -> Json:
        return OllamaForm(kind, name, time.time_ns(), time.time_ns).moved(unload=True)

    return answer


class OllamaAnswers:
    """One of the two endpoints, as an ASGI application of its own: a stream has no use for more
    layers.
    """

    def __init__(
        self,
        body: type[OllamaChat | OllamaGenerate],
        turns: Turns,
        engine: RemoteEngine,
        name: str,
        sampling: Sampling,
        ignored: IgnoredFields,
    ) -> None:
        """Set up for this kind of request; ``name`` is the model's id, ``sampling`` its
        defaults.
        """
        self._body = body
        self._turns = turns
        self._engine = engine
        self._name = name
        self._sampling = sampling
        self._ignored = ignored

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        began = time.time_ns()
        request = await read_json(self._body, scope, receive)
        send = self._ignored.told(unknown(request), send)
        check_context(request.options, self._engine.longest)
        form = OllamaForm(request.kind, self._name, began, time.time_ns)
        if not request.asks:
            unload = kept_alive(request.keep_alive) == 0
            await json_response(form.moved(unload=unload))(scope, receive, send)
            return
        async with self._running(request, receive) as batches:
            if request.stream is not False:
                await _stream(batches, form, send)
                return
            events: list[Event] = []
            async for _, batch in batches:
                events += batch
        await json_response(whole_answer(form, events))(scope, receive, send)

    @asynccontextmanager
    async def _running(
        self, request: OllamaChat | OllamaGenerate, receive: Receive
    ) -> AsyncIterator[Batches]:
        if not (isinstance(request, OllamaGenerate) and request.raw):
            async with self._turns.running(to_chat(request), uuid.uuid4().hex, receive) as batches:
                yield batches
            return
        text = to_text(request)
        vocabulary = Vocabulary(self._engine)
        tokens = await vocabulary.tokenize(request.prompt or "", begin=True, special=True)
        channel = await self._engine.open([text.generation(tokens, self._sampling)])
        async with stopped_with_client(channel, receive):
            yield channel.batches()


async def _stream(batches: Batches, form: OllamaForm, send: Send) -> None:
    writer = OllamaWriter(form)

    async def lines() -> AsyncIterator[list[Json]]:
        async for _, batch in batches:
            yield writer.write(batch)

    rest = lines()
    # A failure before anything was generated has its own status.
    first = await anext(rest)
    await send_stream(send, first, with_pings(rest, form.line), LINES)
