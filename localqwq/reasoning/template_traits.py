"""What a chat template supports, and the message about one that does not work; without Jinja."""

from dataclasses import dataclass
from typing import Literal

REMEDY = "with --chat-template: a file, or the name of a model in the catalogue"
"""How to give another template."""
TOO_MUCH_MEMORY = "it took too much memory"
"""A reason of :func:`does_not_work`; not Python's word, which means that the model takes it."""


@dataclass(frozen=True, slots=True)
class TemplateTraits:
    """How a template wants its messages. The defaults suit most templates."""

    problem: str | None = None
    """Why it cannot be rendered at all; ``None`` if it works."""
    system: bool = True
    """Whether it supports system messages."""
    systems: bool = True
    """Whether it renders each of several, also within the conversation."""
    alternates: bool = False
    """Whether it rejects consecutive messages of the user."""
    tools: bool = True
    """Whether it tells the model about tools."""
    calls: bool = True
    """Whether it renders calls."""
    results: bool = True
    """Whether it renders results of calls."""
    call_format: Literal["tagged", "bare", "xml", "other"] = "tagged"
    """How it writes calls: as JSON within ``<tool_call>``, as JSON alone, as XML within
    ``<tool_call>``, or in a form that cannot be parsed.
    """
    null_content: bool = False
    """Whether content beside calls must be null, not empty."""
    text_arguments: bool = False
    """Whether arguments must be JSON text, not an object."""
    beside_calls: Literal["kept", "apart", "dropped"] = "kept"
    """What happens to the text of a turn with calls: rendered, rendered in a turn of its own, or
    lost.
    """
    single_calls: bool = False
    """Whether a turn may have only one call."""
    short_ids: bool = False
    """Whether ids of calls must be nine letters and digits."""
    tools_listed: bool = False
    """Whether no tools must be an empty list, not null."""
    reasoning: str | None = None
    """The field that it reads thoughts from; ``None`` if it leaves them out."""
    switch: str | None = None
    """The variable that turns thinking on and off; ``None`` if it has none."""
    thinks: bool | None = None
    """Whether thinking is on if the switch is not set; ``None`` without a switch."""
    effort: bool = False
    """Whether it supports ``reasoning_effort``."""


def sentence(error: Exception) -> str:
    """Return the error in one line, for a sentence about a template."""
    if isinstance(error, MemoryError):
        return TOO_MUCH_MEMORY
    return " ".join(str(error).split())[:300] or type(error).__name__


def does_not_work(reason: str) -> str:
    """Return a sentence about a template that cannot be used, with the way out."""
    return f"The model's chat template does not work ({reason}); give another one {REMEDY}."
