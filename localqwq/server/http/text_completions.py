"""``POST /v1/completions``: raw prompts are continued without a template."""

import time
import uuid
from collections.abc import AsyncIterator, Sequence

from starlette.types import Receive, Scope, Send

from localqwq.gguf.sampling import Sampling
from localqwq.reasoning.events import Event
from localqwq.server.engine.remote import Channel, RemoteEngine
from localqwq.server.http.body import read_json
from localqwq.server.http.choices import several
from localqwq.server.http.chunks import Identity
from localqwq.server.http.errors import InvalidRequestError
from localqwq.server.http.ignored_fields import IgnoredFields
from localqwq.server.http.other_fields import unknown_fields
from localqwq.server.http.replies import json_response
from localqwq.server.http.streams import Json, send_stream, stopped_with_client
from localqwq.server.http.text_chunks import ChoiceWriter, Prompt, TextWriter
from localqwq.server.http.text_schema import TextRequest
from localqwq.server.http.tokens import Vocabulary, joined


class TextCompletions:
    """The endpoint, as an ASGI application of its own, like the one for chats."""

    def __init__(
        self, engine: RemoteEngine, name: str, sampling: Sampling, ignored: IgnoredFields
    ) -> None:
        """Set up; ``name`` is the model's id, ``sampling`` its defaults."""
        self._engine = engine
        self._vocabulary = Vocabulary(engine)
        self._name = name
        self._sampling = sampling
        self._ignored = ignored

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = await read_json(TextRequest, scope, receive)
        send = self._ignored.told(unknown_fields(request.model_extra or {}), send)
        echo = request.echo is True
        prompts = [await self._prompt(prompt, echo=echo) for prompt in request.prompt]
        requests = [
            one
            for prompt in prompts
            for one in several(request.generation(prompt.tokens, self._sampling), request.n)
        ]
        with request.naming_form():
            channel = await self._engine.open(requests)
        identity = Identity(f"cmpl-{uuid.uuid4().hex}", int(time.time()), self._name)
        writer = TextWriter(identity, _choices(request, prompts), request.n or 1)
        async with stopped_with_client(channel, receive):
            if request.stream:
                await _stream(channel, writer, request, send)
                return
            events: list[list[Event]] = [[] for _ in requests]
            async for index, batch in channel.batches():
                events[index] += batch
        await json_response(writer.whole(events))(scope, receive, send)

    async def _prompt(self, prompt: str | list[int], *, echo: bool) -> Prompt:
        vocabulary = self._vocabulary
        if isinstance(prompt, str):
            tokens = await vocabulary.tokenize(prompt, begin=True, special=True)
        else:
            tokens = vocabulary.checked(prompt, "prompt")
        if not tokens:
            raise InvalidRequestError("The prompt is empty: give it at least one token.", "prompt")
        if not echo:
            return Prompt("", tokens, b"", 0)
        pieces = await vocabulary.pieces(tokens)
        text = joined(pieces)
        told = prompt if isinstance(prompt, str) else text
        return Prompt(told, tokens, pieces[0], len(text))


def _choices(request: TextRequest, prompts: Sequence[Prompt]) -> list[ChoiceWriter]:
    logprobs = request.alternatives is not None
    each = [prompt for prompt in prompts for _ in range(request.n or 1)]
    options = request.stream_options
    counted = not request.stream or (options is not None and options.include_usage is True)
    return [
        ChoiceWriter(
            index,
            echo=prompt if request.echo else None,
            logprobs=logprobs,
            with_course=counted and len(each) > 1,
        )
        for index, prompt in enumerate(each)
    ]


async def _stream(channel: Channel, writer: TextWriter, request: TextRequest, send: Send) -> None:
    async def chunks() -> AsyncIterator[list[Json]]:
        async for index, batch in channel.batches():
            yield writer.write(index, batch)
        options = request.stream_options
        if options is not None and options.include_usage:
            yield [writer.last()]

    rest = chunks()
    # A failure before anything was generated has its own status.
    await send_stream(send, await anext(rest), rest)
