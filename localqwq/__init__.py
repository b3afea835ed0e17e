"""localqwq: QwQ-32B and its relatives on your own computer."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from localqwq.version import __version__

if TYPE_CHECKING:
    from localqwq.agent.events import AgentEvent, AgentFinish, CallBegan, CallEnded, Step
    from localqwq.agent.limits import Limits
    from localqwq.agent.mcp.servers import McpServers
    from localqwq.api import ChatOptions, LocalModel, load
    from localqwq.errors import LocalqwqError
    from localqwq.models.launch_options import LaunchOptions
    from localqwq.reasoning.events import Answer, Event, Finish, Thought, ToolCall
    from localqwq.reasoning.messages import Message, Tool

__all__ = [
    "AgentEvent",
    "AgentFinish",
    "Answer",
    "CallBegan",
    "CallEnded",
    "ChatOptions",
    "Event",
    "Finish",
    "LaunchOptions",
    "Limits",
    "LocalModel",
    "LocalqwqError",
    "McpServers",
    "Message",
    "Step",
    "Thought",
    "Tool",
    "ToolCall",
    "__version__",
    "load",
]

_HOMES = {
    "AgentEvent": "localqwq.agent.events",
    "AgentFinish": "localqwq.agent.events",
    "CallBegan": "localqwq.agent.events",
    "CallEnded": "localqwq.agent.events",
    "Step": "localqwq.agent.events",
    "Limits": "localqwq.agent.limits",
    "McpServers": "localqwq.agent.mcp.servers",
    "ChatOptions": "localqwq.api",
    "LocalModel": "localqwq.api",
    "load": "localqwq.api",
    "LocalqwqError": "localqwq.errors",
    "LaunchOptions": "localqwq.models.launch_options",
    "Answer": "localqwq.reasoning.events",
    "Event": "localqwq.reasoning.events",
    "Finish": "localqwq.reasoning.events",
    "Thought": "localqwq.reasoning.events",
    "ToolCall": "localqwq.reasoning.events",
    "Message": "localqwq.reasoning.messages",
    "Tool": "localqwq.reasoning.messages",
}


def __getattr__(name: str) -> Any:
    """Import public names on first use, so that ``localqwq --version`` stays instant."""
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """Return the public names, imported or not."""
    return sorted({*globals(), *__all__})
