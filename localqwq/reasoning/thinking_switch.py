"""Whether a model is to think, as templates are told; pure."""

from collections.abc import Mapping
from typing import Any

from localqwq.reasoning.template_traits import TemplateTraits

_SOFT = {"/no_think": False, "/nothink": False, "/think": True}
"""What people write at an end of a prompt, as Qwen3 has taught them."""


def asked_in_text(prompt: str) -> bool | None:
    """Return whether a prompt asks for thinking, or for none, by a word at either end of it."""
    words = prompt.split()
    return next((_SOFT[word] for word in (*words[-1:], *words[:1]) if word in _SOFT), None)


def template_variables(
    traits: TemplateTraits,
    own: Mapping[str, Any],
    *,
    thinking: bool | None,
    effort: str | None,
) -> dict[str, Any]:
    """Return the variables for a template that takes these, under its own names.

    `own` are those that a request gives by name; they count more. `thinking`: whether there is to
    be any; None leaves it to the template. `effort`: how much.
    """
    found: dict[str, Any] = {}
    if traits.switch is not None and thinking is not None:
        found[traits.switch] = thinking
    if traits.effort and effort is not None:
        found["reasoning_effort"] = effort
    return {**found, **own}
