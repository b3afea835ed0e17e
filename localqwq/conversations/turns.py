"""The tree of turns: what a conversation consists of, and which part the model reads."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal

from localqwq.conversations.rounds import Round, messages_of
from localqwq.reasoning.messages import Message

Role = Literal["user", "assistant"]
Status = Literal["running", "done", "stopped", "lost"]
"""``running``: being written. ``done``: ended by the model. ``stopped``: ended by a person.
``lost``: the engine or the app died; the text ends where it did.
"""

TITLE_LENGTH = 60
UNSENT_TEMPORARY = 0
"""The number of a temporary conversation that has no prompt yet."""

FOLDERS = "agent.folders"
"""The own setting of a conversation that stays on this machine: folders that tools may use."""


@dataclass(frozen=True, slots=True)
class Measures:
    """Measurements of a turn's generation."""

    seconds: float = 0.0
    """From the start of generation, including prefill, to its end."""
    thought_seconds: float = 0.0
    """From the first token of the thought to its end."""
    tokens: int = 0
    """Generated tokens, including those of the thought."""
    thought_tokens: int = 0
    context_tokens: int = 0
    """Tokens in the context at the end: the prompt and the generated ones."""
    rate: float = 0.0
    """Generated tokens per second; 0 if not measured."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A text sent with a prompt."""

    name: str
    text: str
    tokens: int = 0
    """Its token count for the model at that time; 0 if unknown."""


@dataclass(frozen=True, slots=True)
class Draft:
    """An unsent or unanswered prompt."""

    text: str = ""
    attachments: tuple[Attachment, ...] = ()


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn of a conversation; immutable: the store creates its next state."""

    id: int
    parent: int | None
    """The preceding turn; None for the first. Turns with the same parent are branches."""
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
    """One sentence on how it ended, unless it ended normally."""
    measures: Measures = field(default_factory=Measures)
    attachments: tuple[Attachment, ...] = ()
    """Texts that the model reads before the prompt."""
    rounds: tuple[Round, ...] = ()
    """The model's answers before this text, in which it called tools."""


@dataclass(frozen=True)  # without slots: derived values are cached
class Conversation:
    """A tree of turns and the current turn."""

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
    """Settings that override the general ones; plain values, as in JSON."""
    turns: Mapping[int, Turn] = field(default_factory=dict)

    def path(self) -> tuple[Turn, ...]:
        """The turns from the first to the head."""
        return self._path

    @cached_property
    def branches(self) -> Mapping[int, tuple[int, int]]:
        """The number of each turn among its branches, and their count, where there are several.

        Branches are turns with the same parent, oldest first.
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
        """The last turn on the path to the head that has branches beside it."""
        return next((turn for turn in reversed(self._path) if turn.id in self.branches), None)

    def grown(self, turn: Turn) -> Conversation:
        """Return this conversation with a turn just stored, new or updated, at its head."""
        turns = {**self.turns, turn.id: turn}
        return replace(self, head=turn.id, updated=max(self.updated, turn.created), turns=turns)

    @cached_property
    def _path(self) -> tuple[Turn, ...]:
        return path(self.turns, self.head)


def is_temporary(conversation: int | None) -> bool:
    """Return whether a conversation with that number is never stored."""
    return conversation is not None and conversation <= UNSENT_TEMPORARY


def path(turns: Mapping[int, Turn], head: int | None) -> tuple[Turn, ...]:
    """Return the turns from the first to ``head``, following parents.

    Raises KeyError if a turn is missing; parents are always older than their children, so a path
    ends.
    """
    steps: list[Turn] = []
    while head is not None:
        turn = turns[head]
        steps.append(turn)
        head = turn.parent
    return tuple(reversed(steps))


def siblings(turns: Mapping[int, Turn], turn: int) -> tuple[Turn, ...]:
    """Return the branches at a turn, including itself: turns with the same parent, oldest first."""
    parent = turns[turn].parent
    return tuple(turns[other] for other in sorted(turns) if turns[other].parent == parent)


def answered(turns: Mapping[int, Turn], head: int | None) -> dict[int, Turn]:
    """Return the turns that count as branches: without unanswered prompts.

    The text of those went back to the input field; only ``head`` may still be awaiting an answer.
    """
    parents = {turn.parent for turn in turns.values()}
    return {
        number: turn
        for number, turn in turns.items()
        if turn.role != "user" or number in parents or number == head
    }


def sent_back(turns: Mapping[int, Turn], head: int | None) -> tuple[Turn, ...]:
    """Return the prompts without an answer that do not count as branches, oldest first.

    Those that were sent again are left out: the later ones have their words.
    """
    counted = answered(turns, head)
    later = {(turn.text, turn.attachments) for turn in counted.values() if turn.role == "user"}
    found: list[Turn] = []
    for number in sorted(turns.keys() - counted.keys(), reverse=True):
        turn = turns[number]
        if (turn.text, turn.attachments) not in later:
            later.add((turn.text, turn.attachments))
            found.append(turn)
    return tuple(reversed(found))


def leaf(turns: Mapping[int, Turn], turn: int) -> int:
    """Return the end of a branch: always following the newest child.

    Children are newer than their parents, so one pass from old to new is enough.
    """
    newest = {other.parent: other.id for _, other in sorted(turns.items())}
    while turn in newest:
        turn = newest[turn]
    return turn


def messages(turns: Sequence[Turn], system: str = "", keep_thoughts: bool = False) -> list[Message]:
    """Return what the model reads: attachments, prompts and answers.

    Chat templates of reasoning models leave earlier thoughts out, so they are included only on
    request. An assistant's turn without text is skipped, except for its calls.
    """
    first: list[Message] = [{"role": "system", "content": system}] if system else []
    for turn in turns:
        first += messages_of(turn.rounds, keep_thoughts=keep_thoughts)
        if turn.role == "user" or turn.text or (keep_thoughts and turn.thought):
            first.append(_message(turn, keep_thoughts))
    return first


def _message(turn: Turn, keep_thoughts: bool) -> Message:
    message: Message = {"role": turn.role, "content": read_text(turn)}
    if keep_thoughts and turn.thought:
        message["reasoning_content"] = turn.thought
    return message


def read_text(turn: Turn) -> str:
    """Return the text of a turn as the model reads it."""
    return with_attachments(turn.attachments, turn.text)


def with_attachments(attachments: Sequence[Attachment], text: str) -> str:
    """Return a prompt as the model reads it: attachments in fences, then the text."""
    files = [f"{attachment.name}:\n\n{fenced(attachment.text)}" for attachment in attachments]
    return "\n\n".join([*files, text])


def fenced(text: str) -> str:
    """Return the text as a code block that nothing in it can end."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    text = text.removesuffix("\n")
    return f"{fence}\n{text}\n{fence}"


def unanswered(turns: Sequence[Turn]) -> Turn | None:
    """Return the last turn, if it is a prompt without an answer."""
    return turns[-1] if turns and turns[-1].role == "user" else None


def title(prompt: str) -> str:
    """Return a title from the first prompt: its first line with text, cut at a word."""
    line = next((line for line in prompt.splitlines() if line.strip()), "")
    words = " ".join(line.split())
    if len(words) <= TITLE_LENGTH:
        return words
    cut = words[: TITLE_LENGTH - 1]
    head, space, _ = cut.rpartition(" ")
    return (head if space and len(head) > TITLE_LENGTH // 2 else cut).rstrip() + "…"


def prompts(turns: Iterable[Turn]) -> list[str]:
    """Return the prompts of a path, oldest first."""
    return [turn.text for turn in turns if turn.role == "user"]
