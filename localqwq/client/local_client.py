"""A client of an engine in a child process of this one: the same as HTTP says, without HTTP.

Requests are checked as the server checks them, and the engine's events are passed on as they are.
"""

import json
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from localqwq.client.errors import EndpointError, EndpointLost
from localqwq.client.limits import ContextLimits
from localqwq.client.options import ChatOptions
from localqwq.client.request_body import request_body
from localqwq.errors import LocalqwqError
from localqwq.reasoning.events import Event
from localqwq.reasoning.messages import Message
from localqwq.server.engine.messages import Steered
from localqwq.server.engine.remote import Channel, RemoteEngine
from localqwq.server.http.blocks import joined
from localqwq.server.http.errors import EngineLost, InvalidRequestError
from localqwq.server.http.fields import parse_body
from localqwq.server.http.other_fields import unknown_fields
from localqwq.server.http.schema import ChatRequest


class LocalClient:
    """Talks to one engine; an async context manager, which leaves the engine as it is.

    Every method raises ``EndpointError`` if the engine refuses, and ``EndpointLost`` if it is gone.
    """

    def __init__(self, engine: RemoteEngine, name: str) -> None:
        """Set up; ``name`` is the model's id."""
        self._engine = engine
        self._name = name
        self._running: dict[str, Channel] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """End all answers."""
        for channel in list(self._running.values()):
            channel.end()

    async def models(self) -> list[str]:
        """Return the id of the model."""
        return [self._name]

    async def limits(self, model: str | None = None) -> ContextLimits | None:
        """Return how long the context is and may get."""
        with _told():
            state = await self._engine.state()
        served = self._engine.served
        original = served.facts.rope_original_context or served.facts.longest_context
        return ContextLimits(state.context, self._engine.longest, original, state.rope.factor)

    async def count(self, text: str, model: str | None = None) -> int:
        """Return the tokens of a text."""
        with _told():
            return len(await self._engine.tokenize(text, begin=False, special=False))

    async def opens_thought(self, model: str | None) -> bool | None:
        """Return False: the engine knows where thoughts are."""
        return False

    async def answer_now(self, completion: str) -> None:
        """Close a thought at its next sentence and start the answer.

        ``completion`` is the id passed to ``on_start`` of :meth:`chat`. Also raises
        ``EndpointError`` if the completion is no longer thinking.
        """
        await self._steer(completion, Channel.answer_now)

    async def grant_budget(self, completion: str, tokens: int) -> None:
        """Set a thought's maximum tokens, counted from its beginning; -1 for no limit.

        Otherwise like :meth:`answer_now`, which it cancels.
        """
        budget = None if tokens < 0 else tokens
        await self._steer(completion, lambda channel: channel.grant(budget))

    async def chat(
        self,
        messages: Sequence[Message],
        options: ChatOptions | None = None,
        on_start: Callable[[str], None] | None = None,
    ) -> AsyncGenerator[Event, None]:
        """Yield the answer's events, a ``Finish`` last; closing the iterator aborts the request.

        ``on_start`` is called with the completion's id before its first event. Raises
        ``EndpointLost`` if the engine ends before the answer is complete.
        """
        with _told():
            asked = _checked(messages, options or ChatOptions())
            generation = asked.generation(self._engine.served.facts.sampling)
            with asked.naming_form():
                channel = await self._engine.open([generation], asked.stream_interval)
            id_ = f"chatcmpl-{uuid.uuid4().hex}"
            self._running[id_] = channel
            try:
                if on_start is not None:
                    on_start(id_)
                async for _, batch in channel.batches():
                    for event in joined(batch):
                        yield event
            finally:
                del self._running[id_]
                channel.end()

    async def _steer(self, completion: str, ask: Callable[[Channel], Awaitable[Steered]]) -> None:
        channel = self._running.get(completion)
        if channel is None:
            raise EndpointError("The answer has ended.")
        with _told():
            steered = await ask(channel)
        if not steered.done:
            raise EndpointError("The answer is no longer thinking.")


def _checked(messages: Sequence[Message], options: ChatOptions) -> ChatRequest:
    """Return the request, read as the server would; raises ``InvalidRequestError``."""
    asked = parse_body(ChatRequest, json.dumps(request_body(messages, options)).encode())
    unknown_fields(asked.model_extra or {}, continues=asked.continue_final_message is True)
    return asked


@contextmanager
def _told() -> Iterator[None]:
    """Raise the engine's errors as those of an endpoint."""
    try:
        yield
    except InvalidRequestError as error:
        raise EndpointError(str(error), error.status) from None
    except EngineLost as error:
        raise EndpointLost(str(error)) from None
    except EndpointError:
        raise
    except LocalqwqError as error:
        raise EndpointError(str(error)) from None
