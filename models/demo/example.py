"""What one turn of training or evaluation is made of."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field
from typing import Any

Message = dict[str, Any]


@dataclass(frozen=True)
class Turn:
    """One user prompt, the thought and reply it should get, and how to score a reply."""

    prompt: str
    thought: str
    answer: str
    pattern: str
    expression: str | None = None
    result: str | None = None
    after_thought: str = ""
    after_answer: str = ""


@dataclass(frozen=True)
class Example:
    """A held-out conversation that ends where the model must continue.

    `pattern` must be found in the answer after the thought; when `expression` is set, the answer
    must instead be one call of the calculator with that expression.
    """

    skill: str
    messages: list[Message]
    tools: list[dict[str, Any]] = field(default_factory=list)
    pattern: str = ""
    expression: str | None = None

    def is_right(self, answer: str, expression: str | None = None) -> bool:
        """Whether an answer (and the expression of the calculator call, if there was one) fits."""
        if self.expression is not None:
            return expression is not None and _plain(expression) == _plain(self.expression)
        return expression is None and re.search(self.pattern, answer) is not None


def _plain(expression: str) -> str:
    return expression.replace(" ", "")


def vary(prompt: str, rng: random.Random) -> str:
    """The same prompt as careless people type it."""
    chance = rng.random()
    if chance < 0.12:
        prompt = prompt[0].lower() + prompt[1:]
    elif chance < 0.2:
        prompt = prompt.lower()
    chance = rng.random()
    if chance < 0.15:
        prompt = prompt.rstrip("?.!")
    elif chance < 0.2:
        prompt = prompt.rstrip("?.!") + rng.choice(["??", " ?", "!", "."])
    chance = rng.random()
    if chance < 0.03:
        prompt = prompt.replace(" ", "  ", 1)
    elif chance < 0.06:
        prompt += rng.choice([" ", "\n"])
    return prompt


def opening(german: bool, rng: random.Random) -> str:
    """Something polite before the prompt, mostly nothing."""
    if rng.random() < 0.85:
        return ""
    if german:
        return rng.choice(["Hallo! ", "Bitte: ", "Frage: ", "Sag mir bitte: ", "Ok, ", "Und "])
    return rng.choice(["Hi! ", "Hello, ", "Please: ", "Question: ", "Tell me, ", "Ok, ", "And "])
