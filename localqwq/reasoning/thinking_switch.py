"""Whether a model should think, as passed to templates; pure."""

from collections.abc import Mapping
from typing import Any

from localqwq.reasoning.template_traits import TemplateTraits

_SOFT = {"/no_think": False, "/nothink": False, "/think": True}
"""Words at an end of a prompt that Qwen3 introduced."""


def asked_in_text(prompt: str) -> bool | None:
    """Return whether a prompt asks for thinking or for none, by a word at either end; else None."""
    words = prompt.split()
    return next((_SOFT[word] for word in (*words[-1:], *words[:1]) if word in _SOFT), None)


def template_variables(
    traits: TemplateTraits,
    own: Mapping[str, Any],
    *,
    thinking: bool | None,
    effort: str | None,
) -> dict[str, Any]:
    """Return the variables for a template with these traits, under its own names.

    ``own``: variables that a request gives by name, which take precedence. ``thinking``: whether
    the model should think; None leaves it to the template. ``effort``: how much.
    """
    found: dict[str, Any] = {}
    if traits.switch is not None and thinking is not None:
        found[traits.switch] = thinking
    if traits.effort and effort is not None:
        found["reasoning_effort"] = effort
    return {**found, **own}
