"""Thoughts between the calls of one turn, for templates that leave all thoughts out.

A model that calls a tool thinks on when the result is there. Newer templates keep the thoughts of
the turn that is going on for that, and leave out those of earlier turns. For older ones, such as
QwQ's, this is done here on request: their models were not trained on it.
"""

from collections.abc import Sequence
from typing import cast

from localqwq.reasoning.messages import Message

KEEP = "keep_turn_thoughts"
"""The template variable that requests it."""


def with_turn_thoughts(messages: Sequence[Message], opening: str, closing: str) -> list[Message]:
    """Return the messages with thoughts in the text of answers with calls after the last prompt.

    ``opening`` and ``closing`` stand for the tags: templates cut text off at a real one. Around
    them are the line breaks that reasoning models write.
    """
    prompts = [number for number, message in enumerate(messages) if message["role"] == "user"]
    start = prompts[-1] if prompts else len(messages)
    kept = (_with_thought(message, opening, closing) for message in messages[start:])
    return [*messages[:start], *kept]


def _with_thought(message: Message, opening: str, closing: str) -> Message:
    thought = (message.get("reasoning_content") or "").strip("\n")
    if message["role"] != "assistant" or not message.get("tool_calls") or not thought:
        return message
    said = message["content"] or ""
    # The template writes the line break between the text and the first call.
    text = f"{opening}\n{thought}\n{closing}\n" + (f"\n{said}" if said else "")
    return cast(Message, {**message, "content": text})
