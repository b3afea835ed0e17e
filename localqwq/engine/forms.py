"""The form of a generation's answer and calls; :mod:`localqwq.engine.form_compiler` makes it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from localqwq.engine.llama.model import Model
from localqwq.engine.request import GenerationRequest
from localqwq.reasoning.tags import Tag

if TYPE_CHECKING:
    from localqwq.engine.grammar import Grammar

Begin = Callable[[], "Grammar"]
"""Begins a text under a grammar."""


@dataclass(frozen=True, slots=True)
class Forms:
    """What the parts of a generation must look like."""

    answer: Begin | None = None
    call: Begin | None = None
    """The first call, which may have to be one of a certain tool."""
    further_call: Begin | None = None
    listed_calls: Begin | None = None
    """The calls of a turn, where they are written as a list."""


def may_list_calls(model: Model) -> bool:
    """Return whether the model may write the calls of a turn as a list, by its template."""
    return Tag.CALLS_OPEN.value in (model.facts.chat_template or "")


def asks_for_form(request: GenerationRequest) -> bool:
    """Return whether a request says what its answer or its calls must look like."""
    is_formed = request.response_format is not None or bool(request.tools)
    return is_formed or request.tool_choice not in ("auto", "none")
