"""Continuing an assistant's turn that has already begun."""

from collections.abc import Sequence
from dataclasses import dataclass

from localqwq.reasoning.messages import Message
from localqwq.reasoning.tags import Tag


@dataclass(frozen=True, slots=True)
class Begun:
    """The beginning of a turn."""

    thought: str
    """The thought, which continues if there is no answer yet; otherwise it is complete."""
    answer: str


def begun(messages: Sequence[Message]) -> Begun | None:
    """Return the beginning in the final message; ``None`` if it cannot be continued."""
    if not messages or messages[-1]["role"] != "assistant" or messages[-1].get("tool_calls"):
        return None
    thought, content = messages[-1].get("reasoning_content") or "", messages[-1]["content"] or ""
    if not thought and content.lstrip().startswith(Tag.THINK_OPEN.value):
        return _tagged(content.lstrip().removeprefix(Tag.THINK_OPEN.value))
    return Begun(thought, content) if thought or content else None


def _tagged(text: str) -> Begun:
    """Return the beginning of a turn whose thought is written in tags; ``text`` follows the
    first.
    """
    thought, _, answer = text.lstrip("\n").partition(Tag.THINK_CLOSE.value)
    return Begun(thought, answer.lstrip("\n"))


def continuation(beginning: Begun, *, opened: bool, thinks: bool) -> list[str | Tag]:
    """Return the texts and tags between the prompt and the model's addition.

    ``opened``: whether the prompt ends inside a thought. ``thinks``: whether the model can think;
    if not, an answer continues without the thought before it. The newlines around the tags are
    those that reasoning models are trained on.
    """
    thought, answer = beginning.thought, beginning.answer
    if answer and not opened and not (thought and thinks):
        return [answer]
    opening: list[str | Tag] = [] if opened else [Tag.THINK_OPEN, "\n"]
    if not answer:
        return [*opening, thought]
    return [*opening, thought.rstrip("\n") + "\n", Tag.THINK_CLOSE, "\n\n", answer]
