"""The tree of turns: what a conversation is made of, and what of it the model reads."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal

from localqwq.reasoning.messages import Message

Role = Literal["user", "assistant"]
Status = Literal["running", "done", "stopped", "lost"]
"""``running``: being written. ``done``: the model ended it. ``stopped``: a person ended it.
``lost``: the engine or the app died under it; its text is as far as it got."""

TITLE_LENGTH = 60
UNSENT_TEMPORARY = 0
"""The number of a temporary conversation that has no prompt yet."""


@dataclass(frozen=True, slots=True)
class Measures:
    """What was counted while a turn was generated."""

    seconds: float = 0.0
    """From the start of generation, reading the prompt included, to its end."""
    thought_seconds: float = 0.0
    """From the first token of the thought to its end."""
    tokens: int = 0
    """Generated tokens, those of the thought included."""
    thought_tokens: int = 0
    context_tokens: int = 0
    """Tokens in the context at the end: the prompt and what was generated."""
    rate: float = 0.0
    """Generated tokens per second; 0 where it was not measured."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A text that was sent with a prompt."""

    name: str
    text: str
    tokens: int = 0
    """How many it had for the model of that time; 0 where nobody counted."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What is in the prompt and was not sent, or not answered."""

    text: str = ""
    attachments: tuple[Attachment, ...] = ()


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn of a conversation; immutable, the store makes the next state of it."""

    id: int
    parent: int | None
    """The turn this one follows; None for the first. Turns with one parent are branches."""
    role: Role
    text: str = ""
    """The prompt of a user's turn, the answer of an assistant's."""
    thought: str = ""
    status: Status = "done"
    model: str = ""
    """Name and quantization of the model that wrote it."""
    created: float = 0.0
    """Seconds since the epoch."""
    note: str = ""
    """One sentence about how it ended, where that is not simply its end."""
    measures: Measures = field(default_factory=Measures)
    attachments: tuple[Attachment, ...] = ()
    """What the model reads before the prompt."""


@dataclass(frozen=True)  # without slots: what is worked out of it is kept
class Conversation:
    """A tree of turns and the turn at which it stands."""

    id: int
    title: str = ""
    system: str = ""
    """The system prompt; empty for none."""
    head: int | None = None
    """The turn that the next one follows; None in an empty conversation."""
    created: float = 0.0
    updated: float = 0.0
    pinned: bool = False
    """Whether it stays at the top of the list."""
    settings: Mapping[str, object] = field(default_factory=dict)
    """What differs from the settings of everybody; plain values, as JSON has them."""
    turns: Mapping[int, Turn] = field(default_factory=dict)

    def path(self) -> tuple[Turn, ...]:
        """The turns from the first to the head."""
        return self._path

    @cached_property
    def branches(self) -> Mapping[int, tuple[int, int]]:
        """Where there are several: of each turn which branch it is, and of how many.

        Those with one parent, oldest first.
        """
        families: defaultdict[int | None, list[int]] = defaultdict(list)
        for turn in answered(self.turns, self.head).values():
            families[turn.parent].append(turn.id)
        return {
            turn: (number, len(family))
            for family in families.values()
            if len(family) > 1
            for number, turn in enumerate(sorted(family), 1)
        }

    @cached_property
    def fork(self) -> Turn | None:
        """The last of the turns to the head that has branches beside it."""
        return next((turn for turn in reversed(self._path) if turn.id in self.branches), None)

    def grown(self, turn: Turn) -> Conversation:
        """This with a turn that was just stored, new or in its next state, at its head."""
        turns = {**self.turns, turn.id: turn}
        return replace(self, head=turn.id, updated=max(self.updated, turn.created), turns=turns)

    @cached_property
    def _path(self) -> tuple[Turn, ...]:
        return path(self.turns, self.head)


def is_temporary(conversation: int | None) -> bool:
    """Whether a conversation of that number is never stored."""
    return conversation is not None and conversation <= UNSENT_TEMPORARY


def path(turns: Mapping[int, Turn], head: int | None) -> tuple[Turn, ...]:
    """The turns from the first to `head`, following parents.

    Raises KeyError when a turn is missing; parents are always older than their children, so a
    path ends.
    """
    steps: list[Turn] = []
    while head is not None:
        turn = turns[head]
        steps.append(turn)
        head = turn.parent
    return tuple(reversed(steps))


def siblings(turns: Mapping[int, Turn], turn: int) -> tuple[Turn, ...]:
    """The branches at a turn, itself among them: turns with the same parent, oldest first."""
    parent = turns[turn].parent
    return tuple(turns[other] for other in sorted(turns) if turns[other].parent == parent)


def answered(turns: Mapping[int, Turn], head: int | None) -> dict[int, Turn]:
    """The turns among which there are branches: without prompts that nobody answered.

    Those went back to where they were typed; only `head` may be on its way to an answer.
    """
    parents = {turn.parent for turn in turns.values()}
    return {
        number: turn
        for number, turn in turns.items()
        if turn.role != "user" or number in parents or number == head
    }


def leaf(turns: Mapping[int, Turn], turn: int) -> int:
    """The end to go to when somebody turns to a branch: always on to the newest turn behind.

    Children are newer than their parents, so one pass from old to new is enough.
    """
    newest = {other.parent: other.id for _, other in sorted(turns.items())}
    while turn in newest:
        turn = newest[turn]
    return turn


def messages(turns: Sequence[Turn], system: str = "", keep_thoughts: bool = False) -> list[Message]:
    """What the model reads: attachments, prompts and answers.

    Chat templates of reasoning models leave earlier thoughts out, so they are sent only if
    asked for. An assistant's turn that has nothing to read is skipped.
    """
    first: list[Message] = [{"role": "system", "content": system}] if system else []
    return first + [
        _message(turn, keep_thoughts)
        for turn in turns
        if turn.role == "user" or turn.text or (keep_thoughts and turn.thought)
    ]


def _message(turn: Turn, keep_thoughts: bool) -> Message:
    message: Message = {"role": turn.role, "content": read_text(turn)}
    if keep_thoughts and turn.thought:
        message["reasoning_content"] = turn.thought
    return message


def read_text(turn: Turn) -> str:
    """The text of a turn as the model reads it."""
    return with_attachments(turn.attachments, turn.text)


def with_attachments(attachments: Sequence[Attachment], text: str) -> str:
    """Return a prompt as the model reads it: each attachment in a fence, then the text."""
    files = [f"{attachment.name}:\n\n{fenced(attachment.text)}" for attachment in attachments]
    return "\n\n".join([*files, text])


def fenced(text: str) -> str:
    """The text as a code block that nothing in it can end."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    text = text.removesuffix("\n")
    return f"{fence}\n{text}\n{fence}"


def unanswered(turns: Sequence[Turn]) -> Turn | None:
    """The last turn, when it is a prompt that no answer was started for."""
    return turns[-1] if turns and turns[-1].role == "user" else None


def title(prompt: str) -> str:
    """A title from the first prompt: its first line with text, cut at a word."""
    line = next((line for line in prompt.splitlines() if line.strip()), "")
    words = " ".join(line.split())
    if len(words) <= TITLE_LENGTH:
        return words
    cut = words[: TITLE_LENGTH - 1]
    head, space, _ = cut.rpartition(" ")
    return (head if space and len(head) > TITLE_LENGTH // 2 else cut).rstrip() + "…"


def prompts(turns: Iterable[Turn]) -> list[str]:
    """The prompts of a path, oldest first."""
    return [turn.text for turn in turns if turn.role == "user"]
