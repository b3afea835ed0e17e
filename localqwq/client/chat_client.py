"""What those who chat need of a client, wherever the model is."""

from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Protocol

from localqwq.client.limits import ContextLimits
from localqwq.client.options import ChatOptions
from localqwq.reasoning.events import Event
from localqwq.reasoning.messages import Message


class ChatClient(Protocol):
    """One endpoint, or one engine; every method raises ``EndpointError`` if it fails."""

    async def close(self) -> None:
        """Close all connections."""

    async def models(self) -> list[str]:
        """Return the ids of the models served."""

    async def limits(self, model: str | None = None) -> ContextLimits | None:
        """Return how long the context is and may get; None if that is unknown."""

    async def count(self, text: str, model: str | None = None) -> int:
        """Return the tokens of a text."""

    async def opens_thought(self, model: str | None) -> bool | None:
        """Return whether the model's answers begin inside the thought; None if unknown."""

    async def answer_now(self, completion: str) -> None:
        """Close a thought at its next sentence and start the answer."""

    async def grant_budget(self, completion: str, tokens: int) -> None:
        """Set a thought's maximum tokens, counted from its beginning; -1 for no limit."""

    def chat(
        self,
        messages: Sequence[Message],
        options: ChatOptions | None = None,
        on_start: Callable[[str], None] | None = None,
    ) -> AsyncGenerator[Event, None]:
        """Yield the answer's events, a ``Finish`` last; closing the iterator aborts the answer.

        ``on_start`` is called with the completion's id before its first event. Raises
        ``EndpointLost`` if the answer breaks off.
        """
