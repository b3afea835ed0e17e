"""Asking the person at the terminal whether a call may be made."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from localqwq.agent.permission import Decision, Question
from localqwq.agent.said import decision
from localqwq.agent.threads import in_daemon
from localqwq.visible import visible_code

if TYPE_CHECKING:
    from localqwq.cli.answer_output import AnswerPrinter


class PermissionPrompt:
    """Ask on stderr, and read the answer from stdin."""

    def __init__(self, printer: AnswerPrinter) -> None:
        """Set up; ``printer`` may be in the middle of a line."""
        self._printer = printer

    @property
    def is_possible(self) -> bool:
        """Whether a person can be asked."""
        return sys.stdin.isatty() and sys.stderr.isatty()

    async def ask(self, question: Question) -> Decision:
        """Return the person's decision."""
        self._printer.close()
        if question.before:
            name = question.planned.call.name
            print(f"{name} has changed since you allowed it:", file=sys.stderr)
            print(visible_code(question.change()), file=sys.stderr)
        covers = visible_code(question.extent)
        print(f"The model wants to call a tool: {visible_code(question.words)}", file=sys.stderr)
        print(
            f"Allow it? y: once, c: in this conversation, a: always{covers}; or say why not: ",
            end="",
            file=sys.stderr,
            flush=True,
        )
        return decision(await in_daemon(sys.stdin.readline, "permission"))
