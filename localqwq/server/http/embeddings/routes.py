"""``POST /v1/embeddings``, and Ollama's ``/api/embed`` and ``/api/embeddings``."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, TypeVar

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Receive, Scope, Send

from localqwq.server.engine.messages import Embedded
from localqwq.server.engine.remote import RemoteEngine
from localqwq.server.http.body import read_json
from localqwq.server.http.embeddings.schema import (
    EmbeddingsRequest,
    OllamaEmbed,
    OllamaEmbeddings,
)
from localqwq.server.http.embeddings.vectors import base64_text, numbers, shortened
from localqwq.server.http.ignored_fields import IgnoredFields
from localqwq.server.http.replies import json_response

Json = dict[str, Any]
_AT_ONCE = 32
"""Texts that the engine is given at a time, so that other clients have their turn."""
_Kind = TypeVar("_Kind", EmbeddingsRequest, OllamaEmbed, OllamaEmbeddings)


class EmbeddingRoutes:
    """The endpoints of one model."""

    def __init__(self, engine: RemoteEngine, name: str, ignored: IgnoredFields) -> None:
        """Set up; ``name`` is the model's id."""
        self._engine = engine
        self._name = name
        self._ignored = ignored

    def by_path(self) -> Mapping[str, ASGIApp]:
        """Return the endpoints by path."""
        return {
            "/embeddings": self._openai,
            "/api/embed": self._ollama,
            "/api/embeddings": self._older,
        }

    async def _openai(self, scope: Scope, receive: Receive, send: Send) -> None:
        request, send = await self._read(EmbeddingsRequest, scope, receive, send)
        form: Callable[[bytes], Any] = numbers
        if request.encoding_format == "base64":
            form = base64_text
        found, tokens = await self._made(request.input, receive, request.dimensions, form)
        data = [
            {"object": "embedding", "index": index, "embedding": value}
            for index, value in enumerate(found)
        ]
        usage = {"prompt_tokens": tokens, "total_tokens": tokens}
        told = {"object": "list", "data": data, "model": self._name, "usage": usage}
        await _reply(told, scope, receive, send)

    async def _ollama(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = time.perf_counter_ns()
        request, send = await self._read(OllamaEmbed, scope, receive, send)
        found, tokens = await self._made(
            request.input,
            receive,
            request.dimensions,
            numbers,
            truncate=request.truncate is not False,
        )
        told = {
            "model": request.model or self._name,
            "embeddings": found,
            "total_duration": time.perf_counter_ns() - began,
            "load_duration": 0,
            "prompt_eval_count": tokens,
        }
        await _reply(told, scope, receive, send)

    async def _older(self, scope: Scope, receive: Receive, send: Send) -> None:
        request, send = await self._read(OllamaEmbeddings, scope, receive, send)
        texts = [request.prompt] if request.prompt else []
        found, _ = await self._made(texts, receive, None, numbers, truncate=True)
        await _reply({"embedding": found[0] if found else []}, scope, receive, send)

    async def _read(
        self, kind: type[_Kind], scope: Scope, receive: Receive, send: Send
    ) -> tuple[_Kind, Send]:
        request = await read_json(kind, scope, receive)
        return request, self._ignored.told(request.model_extra or {}, send)

    async def _made(
        self,
        texts: Sequence[str | Sequence[int]],
        receive: Receive,
        dimensions: int | None,
        form: Callable[[bytes], Any],
        *,
        truncate: bool = False,
    ) -> tuple[list[Any], int]:
        """Return the embeddings in this form, and the number of tokens in the texts."""
        gone = asyncio.create_task(_disconnected(receive))
        found: list[Any] = []
        tokens = 0
        try:
            for start in range(0, len(texts), _AT_ONCE):
                some = texts[start : start + _AT_ONCE]
                made = await _unless(gone, self._engine.embed(some, truncate=truncate))
                found += [form(shortened(vector, dimensions)) for vector in made.vectors]
                tokens += made.tokens
        finally:
            gone.cancel()
        return found, tokens


async def _unless(gone: asyncio.Task[None], work: Coroutine[Any, Any, Embedded]) -> Embedded:
    """Return what the work returns; raises ``ClientDisconnect`` if the client goes away before."""
    making = asyncio.create_task(work)
    try:
        await asyncio.wait({making, gone}, return_when=asyncio.FIRST_COMPLETED)
        if making.done():
            return making.result()
        raise ClientDisconnect
    finally:
        making.cancel()


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _reply(value: Json, scope: Scope, receive: Receive, send: Send) -> None:
    # Millions of digits take seconds, in which others must be answered.
    response = await asyncio.to_thread(json_response, value)
    await response(scope, receive, send)
