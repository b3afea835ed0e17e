"""Who allowed which calls, and for how long.

A permission is bound to the hash of all that the person could see of the tool: if its command,
name, description or schema changes, the person is asked again. Nothing that a model writes can
reach this: permissions are given only by the person's own answer or by whoever started the program.
"""

import difflib
import json
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from typing import Literal, Protocol

from localqwq.agent.tool import Effect
from localqwq.agent.turn import PlannedCall

Span = Literal["once", "conversation", "always"]
NOBODY = "Nobody is here to allow it."


@dataclass(frozen=True, slots=True)
class Allowed:
    """A call may be made; ``span``: for how long equal ones may be, too."""

    span: Span = "once"


@dataclass(frozen=True, slots=True)
class Denied:
    """A call must not be made; ``reason`` goes to the model."""

    reason: str = ""


Decision = Allowed | Denied


@dataclass(frozen=True, slots=True)
class Grant:
    """A lasting permission."""

    tool: str
    fingerprint: str
    values: tuple[str, ...]
    """The significant values that it is limited to."""


@dataclass(frozen=True, slots=True)
class Question:
    """What a person is asked."""

    planned: PlannedCall
    words: str
    """What the call would do."""
    covers: tuple[str, ...] = ()
    """The values that a lasting permission is limited to."""
    before: str = ""
    """The tool's statement when it was last allowed, if it has changed since; else empty."""

    @property
    def extent(self) -> str:
        """What a lasting permission is limited to, as words behind it; empty for all calls."""
        values = ", ".join(f"`{value}`" for value in self.covers if value)
        return f" for {values}" if values else ""

    def change(self) -> str:
        """Return how the tool's statement has changed, as lines of a difference."""
        assert self.planned.tool is not None
        old, new = (_lines(text) for text in (self.before, self.planned.tool.statement()))
        found = difflib.unified_diff(old, new, lineterm="", n=0)
        return "\n".join(line for line in found if not line.startswith(("---", "+++", "@@")))


Ask = Callable[[Question], Awaitable[Decision]]


class Remembered(Protocol):
    """Permissions that outlive the program."""

    def has(self, grant: Grant) -> bool:
        """Return whether that one was given."""
        ...

    def add(self, grant: Grant, statement: str) -> None:
        """Remember one, with the statement of its tool."""
        ...

    def changed(self, grant: Grant) -> str:
        """Return the tool's earlier statement if only that differs; else an empty text."""
        ...


class Permissions:
    """Decide about calls: by what was granted, else by asking."""

    def __init__(
        self,
        *,
        yes_to: Collection[str] = (),
        ask: Ask | None = None,
        remembered: Remembered | None = None,
    ) -> None:
        """Set up.

        ``yes_to``: tools that may always be called. ``ask``: asks a person; None if nobody is
        there. ``remembered``: permissions for always.
        """
        self._yes_to = frozenset(yes_to)
        self._ask = ask
        self._remembered = remembered
        self._conversation: dict[Grant, None] = {}

    @property
    def granted(self) -> tuple[Grant, ...]:
        """The permissions that end with this object, the oldest first."""
        return tuple(self._conversation)

    def revoke(self, grant: Grant) -> None:
        """Withdraw one of them."""
        self._conversation.pop(grant, None)

    async def decide(self, planned: PlannedCall) -> Decision:
        """Return whether a call may be made."""
        tool = planned.tool
        assert tool is not None
        if tool.effect is Effect.NONE or tool.name in self._yes_to:
            return Allowed()
        grant = Grant(tool.name, tool.fingerprint(), tool.significant(planned.arguments))
        if grant in self._conversation or (self._remembered and self._remembered.has(grant)):
            return Allowed()
        if self._ask is None:
            return Denied(NOBODY)
        before = self._remembered.changed(grant) if self._remembered else ""
        decision = await self._ask(Question(planned, in_words(planned), grant.values, before))
        if isinstance(decision, Allowed):
            self._note(decision.span, grant, tool.effect, tool.statement())
        return decision

    def _note(self, span: Span, grant: Grant, effect: Effect, statement: str) -> None:
        if span == "always" and self._remembered is not None:
            self._remembered.add(grant, statement)
        if span != "once" or effect is Effect.READ:
            self._conversation[grant] = None


def _lines(statement: str) -> list[str]:
    try:
        return json.dumps(json.loads(statement), indent=1, ensure_ascii=False).splitlines()
    except (ValueError, RecursionError):
        return statement.splitlines()


def in_words(planned: PlannedCall) -> str:
    """Return what a call would do, for a person."""
    tool = planned.tool
    if tool is not None and tool.in_words is not None:
        return tool.in_words(planned.arguments)
    return f"{planned.call.name} {planned.call.arguments}"
