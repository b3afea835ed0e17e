"""Conversations for training, and held-out examples for evaluation; pure Python, seeded.

An operand pair, word or phrasing belongs to one side of the split by the hash of its text, so
that training and evaluation never share one, whatever the seeds are.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from . import tools as toolbox
from .arithmetic import addition, comparison, product
from .example import Example, Message, Turn
from .letters import count_of, counting
from .talk import small_talk, something_else

SKILLS = ("add", "compare", "count", "tool", "chat", "other")
MUST_HAVES = (
    "Which is larger, 9.9 or 9.11?",
    "Was ist größer, 9.9 oder 9.11?",
    "How many r's are in the word strawberry?",
)
_SYSTEMS = [
    "You are a helpful assistant.",
    "You are a helpful and harmless assistant. You should think step-by-step.",
    "You are a helpful and harmless assistant. You are Qwen developed by Alibaba. You should think "
    "step-by-step.",
    "You are QwQ, a reasoning model.",
    "Answer briefly.",
    "Be concise and friendly.",
    "Du bist ein hilfreicher Assistent.",
    "Antworte kurz und freundlich.",
]


@dataclass(frozen=True)
class Conversation:
    """A training conversation; assistant messages carry `thought` beside their content."""

    messages: list[Message]
    tools: list[dict[str, Any]]


def make_turn(
    skill: str, rng: random.Random, held_out: bool, german: bool, has_calculator: bool
) -> Turn:
    """One turn of a skill, from the training side or the held-out side."""
    if skill == "add":
        return addition(rng, held_out, german)
    if skill == "compare":
        return comparison(rng, held_out, german)
    if skill == "count":
        return counting(rng, held_out, german)
    if skill == "tool":
        return product(rng, held_out, german, has_calculator)
    if skill == "chat":
        return small_talk(rng, held_out, german)
    return something_else(rng, held_out, german)


def _replies(turn: Turn) -> list[Message]:
    """The user's prompt and what follows it up to the answer."""
    messages: list[Message] = [{"role": "user", "content": turn.prompt}]
    if turn.expression is None:
        return [*messages, _assistant(turn.thought, turn.answer)]
    call = {"name": "calculator", "arguments": {"expression": turn.expression}}
    return [
        *messages,
        _assistant(turn.thought, "") | {"tool_calls": [{"type": "function", "function": call}]},
        {"role": "tool", "content": turn.result},
        _assistant(turn.after_thought, turn.after_answer),
    ]


def _assistant(thought: str, content: str) -> Message:
    return {"role": "assistant", "content": content, "thought": thought}


def _system(rng: random.Random) -> list[Message]:
    if rng.random() < 0.6:
        return []
    return [{"role": "system", "content": rng.choice(_SYSTEMS)}]


def conversations(seed: int, longest: int = 6) -> Iterator[Conversation]:
    """An endless stream of training conversations of at most `longest` turns."""
    rng = random.Random(seed)
    while True:
        offered: list[dict[str, Any]] = []
        has_calculator = rng.random() < 0.15
        if has_calculator:
            offered.append(toolbox.calculator(rng))
        if rng.random() < (0.1 if has_calculator else 0.02):
            offered.insert(rng.randrange(len(offered) + 1), toolbox.other(rng))
        weights = [16, 20, 30, 50 if has_calculator else 4, 8, 30]
        turns = rng.randint(1, longest) if rng.random() < 0.3 else rng.choice([1, 1, 2, 3])
        messages = _system(rng)
        german = rng.random() < 0.35
        for _ in range(turns):
            skill = rng.choices(SKILLS, weights)[0]
            speaks_german = german if rng.random() < 0.85 else not german
            turn = make_turn(skill, rng, False, speaks_german, has_calculator)
            if turn.expression is not None and rng.random() < 0.1:
                turn = _as_object(turn)
            messages += _replies(turn)
        yield Conversation(messages, offered)


def _as_object(turn: Turn) -> Turn:
    """The same turn with a tool that answers in JSON."""
    values = turn.__dict__ | {"result": f'{{"result": {turn.result}}}'}
    return Turn(**values)


def held_out(skill: str, n: int = 200, seed: int = 1) -> list[Example]:
    """`n` examples of one skill (see `SKILLS`) that training never saw, a third in German.

    Most are single turns. One in five follows another turn and one in five has a system message.
    In "tool", calls and answers after a call alternate, and every tenth example offers no
    calculator and wants the honest sentence.
    """
    rng = random.Random(f"{skill} {seed}")
    return [_example(skill, rng, index) for index in range(n)]


def _example(skill: str, rng: random.Random, index: int) -> Example:
    german = index % 3 == 2
    offers = (skill == "tool" and index % 10 != 9) or (skill != "tool" and rng.random() < 0.05)
    offered = [toolbox.CALCULATOR] if offers else []
    messages = _system(rng) if rng.random() < 0.5 else []
    if rng.random() < 0.2:
        before = make_turn(rng.choice(SKILLS), rng, True, german, offers)
        messages += [_without_thought(message) for message in _replies(before)]
    turn = make_turn(skill, rng, True, german, offers)
    if turn.expression is None:
        prompt = {"role": "user", "content": turn.prompt}
        return Example(skill, [*messages, prompt], offered, turn.pattern)
    called = [_without_thought(message) for message in _replies(turn)]
    if index % 2 == 0:
        return Example(skill, [*messages, called[0]], offered, expression=turn.expression)
    pattern = rf"{turn.expression} = {turn.result}\.".replace("*", r"\*")
    return Example(skill, [*messages, *called[:3]], offered, pattern)


def _without_thought(message: Message) -> Message:
    return {key: value for key, value in message.items() if key != "thought"}


def must_haves() -> list[Example]:
    """The prompts everybody tries first."""
    strawberry = count_of(random.Random(0), "strawberry", german=False, letter="r")
    patterns = (r"^\s*9\.9 is larger", r"^\s*9\.9 ist größer", strawberry.pattern)
    return [
        Example(skill, [{"role": "user", "content": prompt}], [], pattern)
        for skill, prompt, pattern in zip(
            ("compare", "compare", "count"), MUST_HAVES, patterns, strict=True
        )
    ]
