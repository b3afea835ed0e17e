"""What fills the context: pure arithmetic, and the cells of a bar for it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from localqwq.conversations.rounds import Round
from localqwq.conversations.turns import Measures, Turn, read_text

if TYPE_CHECKING:
    from localqwq.client.limits import ContextLimits

PARTS = ("system", "tools", "history", "results", "thought", "answer", "draft")
"""The parts of the context, in the order in which the model reads them."""
TEMPLATE = 12
"""Approximate tokens that a chat template adds to one prompt."""
ROOM = 1024
"""Tokens; with fewer left, a thinking model hardly gets to its answer."""

_NOTHING = Measures()
SMALLEST = 4096
"""Context in tokens of the smallest servers by default."""


@dataclass(frozen=True, slots=True)
class Fill:
    """Tokens in the context by kind."""

    system: int = 0
    history: int = 0
    """Prompts and answers, including the present turn's prompt."""
    thought: int = 0
    answer: int = 0
    draft: int = 0
    """The unsent draft."""
    is_exact: bool = True
    """Whether they were counted; otherwise some are estimated."""
    tools: int = 0
    """The descriptions of the tools that the model may call."""
    results: int = 0
    """Calls of tools and their results."""

    @property
    def used(self) -> int:
        """All used tokens."""
        return sum(self.part(name) for name in PARTS)

    def part(self, name: str) -> int:
        """Return the tokens of one of ``PARTS``."""
        tokens: int = getattr(self, name)
        return tokens

    @property
    def _apart(self) -> int:
        """Tokens of the prompt that are counted apart from the history."""
        return self.system + self.tools + self.results

    def running(self, measures: Measures, before: Measures = _NOTHING) -> Fill:
        """Return the fill while an answer is generated.

        ``before``: the measures of the turn's earlier rounds, which are in the prompt.
        """
        new = max(0, measures.tokens - before.tokens)
        thought = max(0, measures.thought_tokens - before.thought_tokens)
        answer = max(0, new - thought)
        history = max(0, measures.context_tokens - new - self._apart)
        return replace(
            self, history=history, thought=thought, answer=answer, draft=0, is_exact=True
        )

    def resting(self, path: tuple[Turn, ...], *, keep_thoughts: bool) -> Fill:
        """Return the fill that the next prompt will find: earlier thoughts are not read again."""
        answer = next((turn for turn in reversed(path) if turn.role == "assistant"), None)
        last = answer.measures if answer is not None else None
        if path and (last is None or not last.context_tokens):
            tokens = sum(TEMPLATE + estimated(read_text(turn)) for turn in path)
            return replace(self, history=tokens, thought=0, answer=0, is_exact=False)
        tokens, is_exact = 0, True
        if answer is not None and last is not None:
            tokens = last.context_tokens - (0 if keep_thoughts else _last_thought(answer))
            is_exact = keep_thoughts or not answer.rounds
        history = max(0, tokens - self._apart)
        return replace(self, history=history, thought=0, answer=0, is_exact=is_exact)


def _last_thought(answer: Turn) -> int:
    """Return the tokens of an answer's last thought; those of its rounds are not counted apart.

    Templates that leave earlier thoughts out have done so with these already.
    """
    before = sum(len(one.thought) for one in answer.rounds)
    share = len(answer.thought) / (len(answer.thought) + before) if before else 1.0
    return round(answer.measures.thought_tokens * share)


def results_read(rounds: Iterable[Round]) -> str:
    """Return what the model reads of the rounds' calls: arguments and results."""
    return "\n".join(
        f"{call.name} {call.arguments}\n{call.read or call.result}"
        for one in rounds
        for call in one.calls
    )


def estimated(text: str) -> int:
    """Return the approximate tokens of a text that cannot be counted: one per four bytes."""
    return -(-len(text.encode()) // 4)


def cells(parts: tuple[int, ...], total: int, width: int) -> tuple[int, ...]:
    """Return how many of ``width`` cells each part gets; any use is visible, and the rest is free.

    If more is used than there is, the bar is full.
    """
    whole = max(total, sum(parts), 1)
    given = [max(1, round(part * width / whole)) if part else 0 for part in parts]
    while sum(given) > width:
        widest = max(range(len(given)), key=given.__getitem__)
        given[widest] -= 1
    return tuple(given)


def warning(fill: Fill, limits: ContextLimits) -> str:
    """Return a warning about sending the draft; empty if there is enough room."""
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
        return f"This extends the context beyond {limits.original:,} tokens, by rope scaling."
    return ""


def unbounded(tokens: int) -> str:
    """Return a question before sending that many tokens to a server with an unknown context."""
    if tokens <= SMALLEST:
        return ""
    return (
        f"This is about {tokens:,} tokens, and the endpoint does not say how many it can take: it "
        "may drop the beginning. Press Enter again to send it."
    )


def scaling(limits: ContextLimits) -> str:
    """Return whether positions are scaled now, and what happens when the context grows."""
    if limits.factor > 1:
        return (
            f"Rope scaling (YaRN) is on by {limits.factor:g}: the model was trained for "
            f"{limits.original:,} tokens, and this context has {limits.tokens:,}. It costs a "
            "little quality on short texts; a new conversation starts without it."
        )
    if limits.longest > limits.original:
        return (
            f"Rope scaling is off: the model was trained for {limits.original:,} tokens. A "
            f"conversation that outgrows them gets up to {limits.longest:,} by YaRN: all of it is "
            "read again once, and quality on short texts drops a little."
        )
    if limits.longest > limits.tokens:
        return f"The context can grow to {limits.longest:,} tokens, without rope scaling."
    return "The context does not grow; a conversation that fills it must end."
