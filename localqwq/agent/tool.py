"""A tool that a model may call: what it is, what a call could do, and how it is carried out."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from localqwq.agent.stop import Stop
from localqwq.reasoning.messages import Tool

Arguments = Mapping[str, Any]


class ToolFailed(Exception):
    """A call failed; the message is a sentence for the model."""


class ToolTimedOut(ToolFailed):
    """A call took too long and was ended."""


class Effect(StrEnum):
    """The most that a call can do beyond returning text; it decides whether a person is asked."""

    NONE = "none"
    """Nothing: it computes from its arguments."""
    READ = "read"
    """Read what a person has opened for it."""
    CHANGE = "change"
    """Change files, or run a program."""


def _nothing(_: Arguments) -> tuple[str, ...]:
    return ()


@dataclass(frozen=True, slots=True)
class AgentTool:
    """A tool that the loop can carry out."""

    name: str
    description: str
    parameters: Mapping[str, Any]
    """JSON schema of the arguments."""
    run: Callable[[Arguments, Stop], str]
    """Return the result of a call; blocks, and ends early once the :class:`Stop` is set.

    Raises :class:`ToolFailed`.
    """
    check: Callable[[Arguments], Arguments]
    """Return the arguments in the form that :attr:`run` takes; raises :class:`ToolFailed`."""
    effect: Effect = Effect.NONE
    significant: Callable[[Arguments], tuple[str, ...]] = _nothing
    """Return the values that a lasting permission is limited to, such as a folder or a program."""
    in_words: Callable[[Arguments], str] | None = None
    """Return what a call would do, for the person who is asked; None: name and arguments."""
    long_results: bool = False
    """Whether results may need several pages."""
    origin: Sequence[str] = field(default_factory=tuple)
    """The command of the server that provides it; empty for tools of this program."""

    def definition(self) -> Tool:
        """Return the tool as the model is told about it, in the form of OpenAI's API."""
        return {
            "type": "function",
            "function": {
                "name": self.name,
                "description": self.description,
                "parameters": dict(self.parameters),
            },
        }

    def statement(self) -> str:
        """Return all that a permission relies on, as text: it changes with any part of it."""
        parts = [list(self.origin), self.name, self.description, dict(self.parameters)]
        return json.dumps(parts, sort_keys=True, ensure_ascii=False)

    def fingerprint(self) -> str:
        """Return the hash of :meth:`statement`."""
        return hashlib.sha256(self.statement().encode("utf-8", "surrogatepass")).hexdigest()
