"""Control tokens that people write about stay text: what a message says cannot end its turn."""

import json
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, cast

from localqwq.reasoning.messages import Message, Tool
from localqwq.reasoning.tags import FoundTag, Tag, TagFinder

_BREAKS = range(0xE000, 0xF900)
"""Unicode's private use area: characters that stand for nothing."""
_THINK_TAGS = (Tag.THINK_OPEN, Tag.THINK_CLOSE)


@dataclass(frozen=True, slots=True)
class Shielded:
    """Messages and tools for a chat template, with a character inside each name of a token."""

    messages: Sequence[Message]
    tools: Sequence[Tool]
    at: str
    """The character; it is nowhere else in them."""

    def pieces(self, rendered: str) -> list[str]:
        """The template's text, cut where the character is: tokenized apart, no name is whole."""
        return rendered.split(self.at)


class Shield:
    """Breaks the names of control tokens in messages, so that no tokenizer takes them for tokens.

    The tags of thoughts are left alone in what people write, as the makers' own tokenizers do. In
    an assistant's answer they are broken where they are quoted, or where the thought stands apart:
    templates cut the answer off at ``</think>``.
    """

    def __init__(self, names: Collection[str]) -> None:
        """``names``: the texts of the vocabulary's control tokens."""
        self._names = _pattern(names)
        self._names_and_tags = _pattern([*names, *(tag.value for tag in _THINK_TAGS)])

    def over(self, messages: Sequence[Message], tools: Sequence[Tool]) -> Shielded:
        """What the template is given instead of these.

        Raises what :func:`json.dumps` raises, and :class:`RecursionError` where they nest deeply.
        """
        text = json.dumps([*messages, *tools], ensure_ascii=False)
        at = next((mark for mark in map(chr, _BREAKS) if mark not in text), chr(_BREAKS[0]))
        return Shielded(
            [self._message(message, at) for message in messages],
            [_broken(tool, self._names, at) for tool in tools],
            at,
        )

    def _message(self, message: Message, at: str) -> Message:
        shielded = cast(Message, _broken(message, self._names, at))
        if message["role"] == "assistant" and _is_answer_alone(message):
            shielded["content"] = _broken(message["content"], self._names_and_tags, at)
        return shielded


def _is_answer_alone(message: Message) -> bool:
    """Whether no thought stands in the content of an assistant's message."""
    if message.get("reasoning_content"):
        return True
    finder = TagFinder(_THINK_TAGS)
    return not any(isinstance(part, FoundTag) for part in finder.feed(message["content"] or ""))


def _pattern(names: Collection[str]) -> re.Pattern[str]:
    longest_first = sorted(filter(None, names), key=len, reverse=True)
    return re.compile("|".join(map(re.escape, longest_first)) or r"(?!)")


def _broken(value: Any, names: re.Pattern[str], at: str) -> Any:
    """The value with the character behind the first one of each name in its strings."""
    if isinstance(value, str):
        return names.sub(lambda found: found[0][0] + at + found[0][1:], value)
    if isinstance(value, dict):
        return {key: _broken(entry, names, at) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_broken(entry, names, at) for entry in value]
    return value
