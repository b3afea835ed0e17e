"""Where a prompt stops being like an earlier one, and why, so that the rest is read again; pure."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from localqwq.reasoning.beginnings import common_length
from localqwq.reasoning.messages import Message, Tool

Cause = Literal["date", "time", "id", "number", "text", "inserted", "removed"]
"""What changed: a value of a kind that is known to change, other text, or a whole part."""

_LEAST_LOST = 1000
"""Characters behind the change; reading fewer again takes no time."""
_SHOWN_BEHIND = 100
"""Characters behind the change that are kept: a token that reaches over it has fewer."""
_CHANGING = re.compile(
    r"""(?P<id>\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b
              |\b(?=[a-f]*[0-9])(?=[0-9]*[a-f])[0-9a-f]{8,}\b)
      |(?P<date>\b\d{4}[-/.]\d\d?[-/.]\d\d?\b|\b\d\d?[-/.]\d\d?[-/.]\d{4}\b
              |\b(?:(?:Mon|Tues?|Wed(?:nes)?|Thu(?:rs)?|Fri|Sat(?:ur)?|Sun)(?:day)?,?\ )?
               (?:\d\d?\ )?(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*\.?[ ]
               \d[\d,\ ]*)
      |(?P<time>\b\d\d?:\d\d(?::\d\d(?:[.,]\d+)?)?\b)
      |(?P<number>\d[\d,._]*)""",
    re.VERBOSE,
)
"""Values that differ from request to request where programs put them into prompts."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a prompt: the system prompt, the tools, or a message."""

    place: str
    text: str


@dataclass(frozen=True, slots=True)
class PrefixLoss:
    """A change that made the rest of a known prompt useless."""

    place: str
    """The part that changed, such as ``system prompt`` or ``message 3 (user)``."""
    at: int
    """The first character that changed, counted from 1; 0 for a whole part."""
    cause: Cause
    texts: tuple[str, str] = field(default=("", ""), repr=False, compare=False)
    """The part as it was and as it is now, to just behind the change."""

    @property
    def kind(self) -> str:
        """Return the kind of the part: ``system prompt``, ``tools`` or ``messages``."""
        return "messages" if self.place.startswith("message ") else self.place

    def sentence(self, read: int, token: int) -> str:
        """Return what happened, without any text of the prompt.

        ``read``: tokens read again; ``token``: the part's first one that changed, counted from 1,
        or 0 if that is unknown.
        """
        again = f"{read:,} tokens were read again, because"
        place = self.place if self.kind == "messages" else f"the {self.place}"
        where = f"token {token:,}" if token else f"character {self.at:,}"
        match self.cause:
            case "inserted":
                return f"{again} the part before {place} is new."
            case "removed":
                return f"{again} {place} of the request before is gone."
            case "text":
                return f"{again} {place} changed at {where}."
        if self.kind == "messages":  # what somebody said is not to be left out
            return f"{again} {place} changed at {where}."
        article = "an" if self.cause == "id" else "a"
        return (
            f"{again} {article} {self.cause} changed at {where} of {place}: "
            "leave it out, or put it behind what stays the same."
        )


def parts_of(messages: Sequence[Message], tools: Sequence[Tool]) -> list[Part]:
    """Return a prompt's parts in the order in which most templates render them.

    Thoughts are left out: most templates leave those of earlier turns out, too.
    """
    parts = []
    for number, message in enumerate(messages, start=1):
        is_first_system = number == 1 and message["role"] == "system"
        place = "system prompt" if is_first_system else f"message {number} ({message['role']})"
        text = str(message.get("content") or "")
        if calls := message.get("tool_calls"):
            text += json.dumps(calls)
        parts.append(Part(place, text))
    if tools:
        first = int(bool(parts) and parts[0].place == "system prompt")
        parts.insert(first, Part("tools", json.dumps(list(tools))))
    return parts


def alike(before: Sequence[Part], now: Sequence[Part]) -> int:
    """Return how many characters two prompts begin with alike."""
    same = _same(before, now)
    length = sum(len(part.text) for part in now[:same])
    if same < min(len(before), len(now)):
        length += common_length(before[same].text, now[same].text)
    return length


def prefix_loss(before: Sequence[Part], now: Sequence[Part]) -> PrefixLoss | None:
    """Return the change by which a prompt no longer begins like the one before.

    None if it goes on from there, or is another conversation rather than a changed one.
    """
    same = _same(before, now)
    if same >= min(len(before), len(now)):
        return None
    old, new = before[same], now[same]
    at = common_length(old.text, new.text)
    if sum(len(part.text) for part in before[same:]) - at < _LEAST_LOST:
        return None
    if _texts(now[same + 1 :])[:1] == [old.text]:
        return PrefixLoss(old.place, 0, "inserted")
    if _texts(before[same + 1 :])[:1] == [new.text]:
        return PrefixLoss(old.place, 0, "removed")
    follows = _same(before[same + 1 :], now[same + 1 :])
    following = sum(len(part.text) for part in before[same + 1 : same + 1 + follows])
    if old.place != new.place or not (
        _is_changed(old.text, new.text, at) or following > _LEAST_LOST
    ):
        return None
    end = at + _SHOWN_BEHIND
    texts = (old.text[:end], new.text[:end])
    return PrefixLoss(new.place, at + 1, _cause(old.text, new.text), texts)


def _same(before: Sequence[Part], now: Sequence[Part]) -> int:
    return common_length(_texts(before), _texts(now))


def _texts(parts: Sequence[Part]) -> list[str]:
    return [part.text for part in parts]


def _is_changed(old: str, new: str, at: int) -> bool:
    """Return whether a text is another version of the old one, from which most has stayed."""
    end = common_length(old[::-1], new[::-1], min(len(old), len(new)) - at)
    return 2 * (at + end) >= max(len(old), len(new))


def _cause(old: str, new: str) -> Cause:
    """Return the kind of the first value that changed, if nothing but such values did."""
    if _CHANGING.sub("", old) != _CHANGING.sub("", new):
        return "text"
    for was, is_ in zip(_CHANGING.finditer(old), _CHANGING.finditer(new), strict=False):
        if was[0] != is_[0]:
            kinds: dict[str | None, Cause] = {"date": "date", "time": "time", "id": "id"}
            return kinds.get(was.lastgroup, "number")
    return "text"
