"""Keeping names of control tokens in messages as text, so that a message cannot end its turn."""

import json
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, cast

from localqwq.reasoning.messages import Message, Tool
from localqwq.reasoning.tags import FoundTag, Tag, TagFinder
from localqwq.reasoning.turn_thoughts import with_turn_thoughts

_BREAKS = range(0xE000, 0xF900)
"""Unicode's private use area: characters without a meaning."""
_THINK_TAGS = (Tag.THINK_OPEN, Tag.THINK_CLOSE)


@dataclass(frozen=True, slots=True)
class Shielded:
    """Messages and tools for a chat template, with a character inserted into each token name."""

    messages: Sequence[Message]
    tools: Sequence[Tool]
    at: str
    """The inserted character, which occurs nowhere else."""
    opening: str = ""
    closing: str = ""
    """Characters that stand for the tags of thoughts; empty if there are none."""

    def pieces(self, rendered: str) -> list[str]:
        """Return the template's text, cut at that character: tokenized separately, no name is
        whole.
        """
        if self.opening:
            rendered = rendered.replace(self.opening, Tag.THINK_OPEN.value)
            rendered = rendered.replace(self.closing, Tag.THINK_CLOSE.value)
        return rendered.split(self.at)


class Shield:
    """Break the names of control tokens in messages, so that no tokenizer takes them for tokens.

    Thought tags in people's messages are left alone, as in the makers' own tokenizers. In an
    assistant's answer they are broken if they are quoted, or if the thought is separate: templates
    cut the answer off at ``</think>``.
    """

    def __init__(self, names: Collection[str]) -> None:
        """Set up; ``names``: the texts of the vocabulary's control tokens."""
        self._names = _pattern(names)
        self._names_and_tags = _pattern([*names, *(tag.value for tag in _THINK_TAGS)])

    def over(
        self, messages: Sequence[Message], tools: Sequence[Tool], *, turn_thoughts: bool = False
    ) -> Shielded:
        """Return what the template gets instead of these.

        ``turn_thoughts``: whether to put the thoughts of the turn that is going on into its texts,
        see :mod:`localqwq.reasoning.turn_thoughts`. Raises what :func:`json.dumps` raises, and
        :class:`RecursionError` if they are nested deeply.
        """
        text = json.dumps([*messages, *tools], ensure_ascii=False)
        free = (mark for mark in map(chr, _BREAKS) if mark not in text)
        at, opening, closing = (next(free, chr(_BREAKS[0])) for _ in range(3))
        shielded = [self._message(message, at) for message in messages]
        if not turn_thoughts or closing == at:
            opening = closing = ""
        else:
            shielded = with_turn_thoughts(shielded, opening, closing)
        return Shielded(
            shielded,
            [_broken(tool, self._names, at) for tool in tools],
            at,
            opening,
            closing,
        )

    def _message(self, message: Message, at: str) -> Message:
        shielded = cast(Message, _broken(message, self._names, at))
        if message["role"] == "assistant" and _is_answer_alone(message):
            shielded["content"] = _broken(message["content"], self._names_and_tags, at)
        if thought := message.get("reasoning_content"):
            shielded["reasoning_content"] = _broken(thought, self._names_and_tags, at)
        return shielded


def _is_answer_alone(message: Message) -> bool:
    """Return whether the content of an assistant's message has no thought in it."""
    if message.get("reasoning_content"):
        return True
    finder = TagFinder(_THINK_TAGS)
    return not any(isinstance(part, FoundTag) for part in finder.feed(message["content"] or ""))


def _pattern(names: Collection[str]) -> re.Pattern[str]:
    longest_first = sorted(filter(None, names), key=len, reverse=True)
    return re.compile("|".join(map(re.escape, longest_first)) or r"(?!)")


def _broken(value: Any, names: re.Pattern[str], at: str) -> Any:
    """Return the value with the character inserted after the first one of each name in its
    strings.
    """
    if isinstance(value, str):
        return names.sub(lambda found: found[0][0] + at + found[0][1:], value)
    if isinstance(value, dict):
        return {key: _broken(entry, names, at) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_broken(entry, names, at) for entry in value]
    return value
