"""Rendering chat templates, in a child process with limits on time and memory unless trusted."""

import json
import threading
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from importlib import import_module
from typing import Any

from localqwq import children
from localqwq.engine.known_traits import keep_traits, known_traits
from localqwq.errors import LocalqwqError
from localqwq.line_child import LineChild, LineEnded
from localqwq.reasoning.literals import Shield
from localqwq.reasoning.messages import Message, Tool
from localqwq.reasoning.template_traits import TOO_MUCH_MEMORY, TemplateTraits, does_not_work
from localqwq.reasoning.trusted_templates import is_trusted
from localqwq.reasoning.turn_thoughts import KEEP

_SECONDS = 20.0
"""Seconds per prompt; a normal template needs milliseconds."""
_MEMORY = 1 << 30
"""Bytes that the process may use."""
_LARGE = 1 << 20
"""Characters from which even a trusted template is rendered in the process, since others' answers
would have to wait for it within this one.
"""
_CLOSED = "The model was closed."


class TemplateRenderer:
    """Renders the prompts of one model.

    Templates that are not trusted, and large conversations, are rendered in a process that is kept
    between prompts.
    """

    def __init__(
        self,
        template: str,
        *,
        bos: str,
        eos: str,
        names: Collection[str] = (),
        tool_template: str | None = None,
        seconds: float = _SECONDS,
    ) -> None:
        """Set up; ``bos`` and ``eos``: texts of the begin and end tokens; ``seconds`` per prompt.

        ``names``: the texts of the control tokens, which messages must not contain as such.
        ``tool_template`` is used for conversations with tools.
        """
        self._shield = Shield(names)
        self._template = template
        self._tool_template = tool_template or template
        self._fixed = {"bos": bos, "eos": eos}
        self._traits: dict[bool, TemplateTraits] = {}
        self._seconds = seconds
        self._closed = False
        self._trusted = all(map(is_trusted, (template, self._tool_template)))
        if self._trusted:
            self._child = _child(seconds)  # starts when it is needed
        elif _child_ahead and seconds == _SECONDS:
            self._child = _child_ahead.pop()
        else:
            self._child = _started(seconds)

    def traits(self, *, tools: bool = False) -> TemplateTraits:
        """Return what the template supports, or with ``tools`` the one for tools. Thread-safe.

        Raises :class:`LocalqwqError` if finding out takes too long or too much memory.
        """
        if (known := self._traits.get(tools)) is not None:
            return known
        template = self._tool_template if tools else self._template
        found = known_traits(template)
        if found is None:
            found = TemplateTraits(**self._ask(json.dumps({"probe": template}))["traits"])
            keep_traits(template, found)
        self._traits[tools] = found
        return found

    def render(
        self,
        messages: Sequence[Message],
        tools: Sequence[Tool],
        variables: Mapping[str, Any] | None = None,
    ) -> list[str]:
        """Return the prompt for the next assistant turn, in pieces to be tokenized separately.

        It is cut within control tokens' names that occur in messages. ``variables`` are the
        template's own. Thread-safe. Raises :class:`LocalqwqError` if the template does not work,
        rejects the messages, or takes too long or too much memory.
        """
        traits = self.traits(tools=bool(tools))
        keeps = bool((variables or {}).get(KEEP)) and _lacks_thoughts(traits)
        try:
            shielded = self._shield.over(messages, tools, turn_thoughts=keeps)
            request = {
                "template": self._tool_template if tools else self._template,
                "messages": shielded.messages,
                "tools": shielded.tools,
                "variables": variables or {},
                "traits": asdict(traits),
            }
            line = json.dumps(self._fixed | request)
        except (RecursionError, TypeError, ValueError):
            raise LocalqwqError(
                "The messages or the tools are not JSON, or are nested too deeply; simplify them."
            ) from None
        reply = self._ask(line)
        if "error" in reply:
            raise LocalqwqError(reply["error"])
        return shielded.pieces(reply["prompt"])

    def close(self) -> None:
        """End the process and any rendering in it; no more are possible."""
        self._closed = True
        self._child.close()

    def _ask(self, line: str) -> dict[str, Any]:
        if self._trusted and len(line) < _LARGE:
            return self._answered_here(line)
        try:
            found: dict[str, Any] = json.loads(self._child.ask(line))
        except LineEnded as end:
            if end.reason == "closed":
                raise LocalqwqError(_CLOSED) from None
            reason = {
                "time": f"it took more than {self._seconds:g} seconds",
                "memory": TOO_MUCH_MEMORY,
                "crash": "it crashed",
            }[end.reason]
            raise LocalqwqError(does_not_work(reason)) from None
        return found

    def _answered_here(self, line: str) -> dict[str, Any]:
        if self._closed:
            raise LocalqwqError(_CLOSED)
        # Imported when it is needed: Jinja takes memory that other templates have in their process.
        from localqwq.reasoning.template_process import answer

        return answer(line)


def _lacks_thoughts(traits: TemplateTraits) -> bool:
    """Return whether a template leaves out thoughts beside calls, but no other text there."""
    return traits.reasoning is None and traits.calls and traits.beside_calls == "kept"


def start_ahead(templates: Collection[str]) -> None:
    """Get ready, in the background, for the renderer of these templates, which is made next."""
    if all(map(is_trusted, templates)):
        renderer = ("localqwq.reasoning.template_process",)
        threading.Thread(target=import_module, args=renderer, name="templates", daemon=True).start()
    else:
        _child_ahead.append(_started(_SECONDS))


def _child(seconds: float) -> LineChild:
    return LineChild(children.Child.TEMPLATES, seconds=seconds, memory=_MEMORY)


def _started(seconds: float) -> LineChild:
    child = _child(seconds)
    child.start()
    return child


_child_ahead: list[LineChild] = []
