"""localqwq: QwQ-32B and its relatives on a person's own computer."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from localqwq.version import __version__ as __version__

if TYPE_CHECKING:
    from localqwq.api import LocalModel as LocalModel
    from localqwq.api import load as load
    from localqwq.errors import LocalqwqError as LocalqwqError
    from localqwq.reasoning.events import Answer as Answer
    from localqwq.reasoning.events import Finish as Finish
    from localqwq.reasoning.events import Thought as Thought
    from localqwq.reasoning.events import ToolCall as ToolCall


_HOMES = {
    "LocalModel": "localqwq.api",
    "load": "localqwq.api",
    "LocalqwqError": "localqwq.errors",
    "Answer": "localqwq.reasoning.events",
    "Finish": "localqwq.reasoning.events",
    "Thought": "localqwq.reasoning.events",
    "ToolCall": "localqwq.reasoning.events",
}


def __getattr__(name: str) -> Any:
    """Import what is asked for only then, so that ``localqwq --version`` answers at once."""
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
