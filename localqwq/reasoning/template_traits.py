"""What a chat template takes, and what is said of one that does not work; without Jinja."""

from dataclasses import dataclass
from typing import Literal

REMEDY = "with --chat-template, a file or the name of a known model's"
"""How another template is given."""


@dataclass(frozen=True, slots=True)
class TemplateTraits:
    """How a template wants its messages. The defaults are what most templates take."""

    problem: str | None = None
    """Why it renders nothing at all; ``None`` where it works."""
    system: bool = True
    """It has a place for system messages."""
    alternates: bool = False
    """It refuses two messages of the user one after the other."""
    tools: bool = True
    """It tells the model which tools there are."""
    calls: bool = True
    """It renders calls."""
    results: bool = True
    """It renders what came of calls."""
    call_format: Literal["tagged", "bare", "xml", "other"] = "tagged"
    """How it writes calls: as JSON within ``<tool_call>``, as JSON alone, as XML within
    ``<tool_call>``, or in a form that is not read."""
    null_content: bool = False
    """Content beside calls has to be null, not empty."""
    text_arguments: bool = False
    """Arguments have to be JSON text, not an object."""
    beside_calls: Literal["kept", "apart", "dropped"] = "kept"
    """The text of a turn with calls: rendered, rendered in a turn of its own, or lost."""
    single_calls: bool = False
    """A turn may have only one call."""
    short_ids: bool = False
    """Ids of calls have to be nine letters and digits."""
    tools_listed: bool = False
    """No tools have to be an empty list, not null."""
    reasoning: str | None = None
    """The field that it reads thoughts from; ``None``: it leaves them out."""
    switch: str | None = None
    """The variable that turns thinking on and off; ``None``: it has none."""
    thinks: bool | None = None
    """Whether thinking is on where the switch is not set; ``None`` without one."""
    effort: bool = False
    """It knows ``reasoning_effort``."""


def sentence(error: Exception) -> str:
    """Return the error in one line, for a sentence about a template."""
    return " ".join(str(error).split())[:300] or type(error).__name__


def does_not_work(reason: str) -> str:
    """Return a sentence about a template that cannot be used, with the way out."""
    return f"The model's chat template does not work ({reason}); give another one {REMEDY}."
