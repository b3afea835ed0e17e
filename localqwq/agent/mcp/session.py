"""One connection to a server: opened, listed, called, and closed, all in one event loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

from localqwq.agent.mcp.contents import prompt_messages, resource_text, result_text
from localqwq.agent.mcp.offers import (
    OfferedPrompt,
    OfferedResource,
    OfferedTool,
    Offers,
    PromptArgument,
    offered_tool,
    selected,
    short,
)
from localqwq.agent.tool import ToolFailed, ToolTimedOut
from localqwq.errors import LocalqwqError
from localqwq.version import __version__

if TYPE_CHECKING:
    import mcp_types
    from mcp import Client

    from localqwq.reasoning.messages import Message

Progress = Callable[[float, float | None, str], None]
"""Told how much of a call is done, of how much, and what the server says about it."""

START_SECONDS = 60.0
"""Seconds that a server may take to start, and to list what it offers."""
CALL_SECONDS = 60.0
"""Seconds of a call."""
_MOST_LISTED = 1_000
_PAUSE_SECONDS = 0.2
"""Seconds between two lists of a server that keeps changing them."""
_HINTS = (("destructive_hint", "destroys"), ("read_only_hint", "only reads"))


class Session:
    """A connected server."""

    def __init__(self, prefix: str, client: Client, changed: asyncio.Event) -> None:
        """Set up; ``changed`` is set when the server says that it offers something else."""
        self.offers = Offers()
        self._prefix = prefix
        self._client = client
        self._changed = changed

    async def list_all(self) -> None:
        """Ask for everything that the server offers."""
        client, has = self._client, self._client.server_capabilities
        tools = await _pages(client.list_tools, "tools") if has.tools else []
        resources = await _pages(client.list_resources, "resources") if has.resources else []
        prompts = await _pages(client.list_prompts, "prompts") if has.prompts else []
        offered, left_out = selected([_tool(one) for one in tools])
        self.offers = Offers(
            offered,
            tuple(_resource(self._prefix, one) for one in resources),
            tuple(_prompt(self._prefix, one) for one in prompts),
            left_out,
        )

    async def call(self, name: str, arguments: Mapping[str, Any], on_progress: Progress) -> str:
        """Return the result of a tool; a cancellation is passed on to the server.

        Raises :class:`ToolFailed`, or ``MCPError`` if the connection is lost.
        """
        from mcp_types import (
            CallToolRequest,
            CallToolRequestParams,
            CallToolResult,
            InputRequiredResult,
        )
        from pydantic import TypeAdapter, ValidationError

        async def told(progress: float, total: float | None, message: str | None) -> None:
            on_progress(progress, total, short(message or ""))

        # The SDK's own method would run the server's patterns on the result, without a limit.
        kind: TypeAdapter[CallToolResult | InputRequiredResult] = TypeAdapter(
            CallToolResult | InputRequiredResult
        )
        params = CallToolRequestParams(name=name, arguments=dict(arguments))
        try:
            async with asyncio.timeout(CALL_SECONDS):
                result = await self._client.session.send_request(
                    CallToolRequest(params=params), kind, progress_callback=told
                )
        except TimeoutError:
            raise ToolTimedOut(
                f"The server took more than {CALL_SECONDS:g} seconds, and was told to stop."
            ) from None
        except ValidationError:
            raise ToolFailed("The server's answer does not follow the protocol.") from None
        if not isinstance(result, CallToolResult):
            raise ToolFailed("The server asks for more input, which it cannot get here.")
        text = result_text(result)
        if result.is_error:
            raise ToolFailed(text)
        return text

    async def read(self, uri: str) -> str:
        """Return a resource's text."""
        async with asyncio.timeout(CALL_SECONDS):
            return resource_text(await self._client.read_resource(uri))

    async def prompt(self, name: str, arguments: Mapping[str, str]) -> list[Message]:
        """Return a prompt's messages."""
        async with asyncio.timeout(CALL_SECONDS):
            return prompt_messages(await self._client.get_prompt(name, dict(arguments)))

    async def watch(self, on_change: Callable[[], None]) -> None:
        """List again whenever the server says that something has changed; never returns."""
        from mcp import MCPError

        async with asyncio.TaskGroup() as group:
            group.create_task(self._subscribe())
            while True:
                await self._changed.wait()
                self._changed.clear()
                before = self.offers
                with suppress(MCPError, TimeoutError):  # if it is lost, a call will say so
                    async with asyncio.timeout(START_SECONDS):
                        await self.list_all()
                if self.offers != before:
                    on_change()
                await asyncio.sleep(_PAUSE_SECONDS)

    async def _subscribe(self) -> None:
        """Listen for changes, where the protocol has a request for that."""
        from mcp import MCPError
        from mcp.client.subscriptions import ListenNotSupportedError, SubscriptionLost

        has = self._client.server_capabilities
        tools, resources, prompts = (
            bool(one and one.list_changed) for one in (has.tools, has.resources, has.prompts)
        )
        if not (tools or resources or prompts):
            return
        with suppress(ListenNotSupportedError, SubscriptionLost, MCPError, TimeoutError):
            async with self._client.listen(
                tools_list_changed=tools,
                resources_list_changed=resources,
                prompts_list_changed=prompts,
            ) as events:
                self._changed.set()  # what changed before the subscription counts, too
                async for _ in events:
                    self._changed.set()


@asynccontextmanager
async def opened(
    prefix: str, transport: AbstractAsyncContextManager[Any], on_change: Callable[[], None]
) -> AsyncGenerator[Session]:
    """Yield a session whose server has started and said what it offers.

    Raises whatever goes wrong with the connection.
    """
    from mcp import Client
    from mcp_types import Implementation

    changed = asyncio.Event()

    async def hear(message: object) -> None:
        if getattr(message, "method", "").endswith("/list_changed"):
            changed.set()

    client = Client(
        transport,
        cache=None,
        client_info=Implementation(name="localqwq", version=__version__),
        message_handler=hear,
    )
    session = Session(prefix, client, changed)
    async with asyncio.timeout(START_SECONDS) as limit, client:
        await session.list_all()
        limit.reschedule(None)
        watching = asyncio.create_task(session.watch(on_change))
        try:
            yield session
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)


async def _pages(ask: Callable[..., Awaitable[Any]], field: str) -> list[Any]:
    """Return all entries of a list that comes in pages, up to a limit."""
    found: list[Any] = []
    cursor = None
    while len(found) < _MOST_LISTED:
        page = await ask(cursor=cursor)
        found += (entries := getattr(page, field))
        if (cursor := page.next_cursor) is None or not entries:
            break
    return found[:_MOST_LISTED]


def _tool(tool: mcp_types.Tool) -> OfferedTool | str:
    hints = tool.annotations
    claims = [words for name, words in _HINTS if hints is not None and getattr(hints, name)]
    return offered_tool(
        tool.name, tool.description or tool.title or tool.name, tool.input_schema, *claims[:1]
    )


def _resource(prefix: str, one: mcp_types.Resource) -> OfferedResource:
    name, words, kind = one.title or one.name, one.description or "", one.mime_type or ""
    return OfferedResource(prefix, one.uri, short(name), short(words), short(kind))


def _prompt(prefix: str, one: mcp_types.Prompt) -> OfferedPrompt:
    arguments = [
        PromptArgument(argument.name, short(argument.description or ""), bool(argument.required))
        for argument in one.arguments or []
    ]
    words = short(one.description or one.title or "")
    return OfferedPrompt(prefix, one.name, words, tuple(arguments))


def refusal(error: BaseException) -> str:
    """Return why something went wrong with a connection, as a sentence."""
    import httpx2
    from mcp import MCPError
    from pydantic import ValidationError

    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    match error:
        case LocalqwqError() | ToolFailed():
            return str(error)
        case TimeoutError():
            return "It did not answer in time."
        case MCPError():
            return f"It refused: {_words(error)}."
        case httpx2.ConnectError():
            return "It cannot be reached."
        case httpx2.HTTPError():
            return f"The connection failed: {_words(error)}."
        case ValidationError():
            return "Its answer does not follow the protocol."
        case OSError():
            return f"It cannot be started: {error.strerror}."
        case _:
            return f"It failed: {type(error).__name__}: {short(str(error))}"


def _words(error: Exception) -> str:
    return short(str(error)).rstrip(".") or type(error).__name__
