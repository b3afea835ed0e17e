"""``POST /v1/chat/completions``: from the request's body to the last byte of the answer."""

import time
import uuid
from collections.abc import AsyncIterator

from starlette.types import Receive, Scope, Send

from localqwq.gguf.sampling import Sampling
from localqwq.reasoning.events import Event
from localqwq.server.http.body import read_json
from localqwq.server.http.choices import several
from localqwq.server.http.chunks import ChunkWriter, Identity, response
from localqwq.server.http.defaults import RequestDefaults
from localqwq.server.http.ignored_fields import IgnoredFields
from localqwq.server.http.other_fields import unknown_fields
from localqwq.server.http.replies import json_response
from localqwq.server.http.schema import ChatRequest
from localqwq.server.http.streams import Json, send_stream, stopped_with_client
from localqwq.server.http.thought_format import ThoughtFilter
from localqwq.server.http.thoughts import RunningThoughts
from localqwq.server.http.worker import Channel, Worker


class ChatCompletions:
    """The endpoint, as an ASGI application of its own: a stream has no use for more layers."""

    def __init__(
        self,
        worker: Worker,
        name: str,
        sampling: Sampling,
        defaults: RequestDefaults,
        thoughts: RunningThoughts,
        ignored: IgnoredFields,
    ) -> None:
        """Set up; ``name`` is the model's id, ``thoughts`` registers running completions.

        ``sampling`` and ``defaults`` apply if a request says nothing else.
        """
        self._worker = worker
        self._sampling = sampling
        self._defaults = defaults
        self._thoughts = thoughts
        self._ignored = ignored
        self._name = name

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = self._defaults.fill(await read_json(ChatRequest, scope, receive))
        continues = request.continue_final_message is True
        unknown = unknown_fields(request.model_extra or {}, continues=continues)
        send = self._ignored.told(unknown, send)
        identity = Identity(f"chatcmpl-{uuid.uuid4().hex}", int(time.time()), self._name)
        requests = several(request.generation(self._sampling), request.n)
        with request.naming_form():
            channel = await self._worker.open(requests, request.stream_interval)
        told = [ThoughtFilter(request.thoughts_told) for _ in requests]
        with self._thoughts.listed(identity.id, channel.controls):
            async with stopped_with_client(channel, receive):
                if request.stream:
                    await _stream(channel, _writer(identity, request), told, send)
                    return
                events: list[list[Event]] = [[] for _ in requests]
                async for index, batch in channel.batches():
                    events[index] += told[index].feed(batch)
            await json_response(response(identity, *events))(scope, receive, send)


async def _stream(
    channel: Channel, writer: ChunkWriter, told: list[ThoughtFilter], send: Send
) -> None:
    async def chunks() -> AsyncIterator[list[Json]]:
        async for index, batch in channel.batches():
            yield writer.write(told[index].feed(batch), index)

    rest = chunks()
    # A failure before anything was generated has its own status.
    await send_stream(send, await anext(rest), rest)


def _writer(identity: Identity, request: ChatRequest) -> ChunkWriter:
    options = request.stream_options
    return ChunkWriter(
        identity,
        usage=options is not None and options.include_usage is True,
        progress=request.return_progress is True,
        choices=request.n or 1,
    )
