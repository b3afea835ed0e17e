"""What fills the context: pure sums, and the cells of a bar that shows them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from localqwq.conversations.turns import Measures, Turn, read_text

if TYPE_CHECKING:
    from localqwq.client.limits import ContextLimits

PARTS = ("system", "history", "thought", "answer", "draft")
"""What takes up room, in the order in which the model reads it."""
TEMPLATE = 12
"""Tokens, about, that a chat template puts around one prompt."""
ROOM = 1024
"""Tokens; with less than these left, a thinking model hardly gets to its answer."""

SMALLEST = 4096
"""Tokens that the servers with the smallest contexts read, if nobody tells them otherwise."""


@dataclass(frozen=True, slots=True)
class Fill:
    """Tokens in the context, by what they are."""

    system: int = 0
    history: int = 0
    """Prompts and answers, those of the present turn's prompt included."""
    thought: int = 0
    answer: int = 0
    draft: int = 0
    """What is typed and not sent yet."""
    is_exact: bool = True
    """They were counted; otherwise some of it is an estimate."""

    @property
    def used(self) -> int:
        """All of them."""
        return self.system + self.history + self.thought + self.answer + self.draft

    def part(self, name: str) -> int:
        """The tokens of one of `PARTS`."""
        tokens: int = getattr(self, name)
        return tokens

    def running(self, measures: Measures) -> Fill:
        """While an answer is generated."""
        thought = measures.thought_tokens
        answer = max(0, measures.tokens - thought)
        prompt = max(0, measures.context_tokens - measures.tokens)
        history = max(0, prompt - self.system)
        return replace(
            self, history=history, thought=thought, answer=answer, draft=0, is_exact=True
        )

    def resting(self, path: tuple[Turn, ...], *, keep_thoughts: bool) -> Fill:
        """As the next prompt will find it: earlier thoughts are not read again."""
        answers = (turn.measures for turn in reversed(path) if turn.role == "assistant")
        last = next(answers, None)
        if path and (last is None or not last.context_tokens):
            tokens = sum(TEMPLATE + estimated(read_text(turn)) for turn in path)
            return replace(self, history=tokens, thought=0, answer=0, is_exact=False)
        tokens = 0
        if last is not None:
            tokens = last.context_tokens - (0 if keep_thoughts else last.thought_tokens)
        return replace(
            self, history=max(0, tokens - self.system), thought=0, answer=0, is_exact=True
        )


def estimated(text: str) -> int:
    """About how many tokens a text has, where nobody can count them: four bytes each."""
    return -(-len(text.encode()) // 4)


def cells(parts: tuple[int, ...], total: int, width: int) -> tuple[int, ...]:
    """How many of `width` cells each part gets; any use shows, and the rest is free.

    Where more is used than there is, the bar is full.
    """
    whole = max(total, sum(parts), 1)
    given = [max(1, round(part * width / whole)) if part else 0 for part in parts]
    while sum(given) > width:
        widest = max(range(len(given)), key=given.__getitem__)
        given[widest] -= 1
    return tuple(given)


def warning(fill: Fill, limits: ContextLimits) -> str:
    """What is to be known before the draft is sent; empty where there is enough room."""
    needed = fill.used + (TEMPLATE if fill.draft else 0)
    about = "" if fill.is_exact else "about "
    if needed >= limits.longest:
        return (
            f"This does not fit: it needs {about}{needed:,} tokens and the context has "
            f"{limits.longest:,}."
        )
    if not fill.draft:
        return ""
    if limits.longest - needed < min(ROOM, limits.longest // 4):
        return (
            f"This leaves {about}{limits.longest - needed:,} tokens for the thought and the answer."
        )
    if needed > limits.tokens and needed > limits.original:
        return f"The context grows for this beyond {limits.original:,} tokens, by rope scaling."
    return ""


def unbounded(tokens: int) -> str:
    """What is to be asked before about so many tokens go to a server whose context nobody knows."""
    if tokens <= SMALLEST:
        return ""
    return (
        f"This is about {tokens:,} tokens, and the endpoint does not say how many it reads: it may "
        "drop the beginning. Enter once more sends it."
    )


def scaling(limits: ContextLimits) -> str:
    """Whether positions are scaled now, and what happens when the context grows."""
    if limits.factor > 1:
        return (
            f"Rope scaling (YaRN) is on by {limits.factor:g}: the model was trained for "
            f"{limits.original:,} tokens, and this context has {limits.tokens:,}. Short texts "
            "suffer a little from it; a new conversation goes without again."
        )
    if limits.longest > limits.original:
        return (
            f"Rope scaling is off: the model was trained for {limits.original:,} tokens. A "
            f"conversation that outgrows them gets up to {limits.longest:,} by YaRN: all of it is "
            "read again once, and short texts suffer a little."
        )
    if limits.longest > limits.tokens:
        return f"The context may grow to {limits.longest:,} tokens, without rope scaling."
    return "The context does not grow; a conversation that fills it has to end."
