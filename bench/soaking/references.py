"""What the server says alone, to be compared with what it says among others."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf
from random import Random
from statistics import fmean
from typing import Any

from bench.soaking.bodies import CHAT, TEXT, Json
from bench.soaking.judge import events, parsed, whole
from bench.soaking.wire import Reply, Wire, post

TOLERANCE = 0.25
"""Of the log probability of a prompt's token, on average. Another batch size rounds otherwise: by
some hundredths. What belongs to another place or another prompt is several units away."""
_AT_ONCE = 4
_SCORED = (
    "What is 12 + 30? The answer is 42, as everybody can see by counting on the fingers.",
    "Which is larger, 9.9 or 9.11? How many r's are in the word strawberry?",
    "Hello! Who are you? Thank you! " * 12,
)


@dataclass(frozen=True, slots=True)
class References:
    """Answers that were given alone."""

    sums: Mapping[tuple[int, int], str]
    """The answers to sums that were the same in each batching that was tried."""
    unstable: int
    """Sums that were left out since they were not, or since the answer was wrong."""
    scores: Mapping[str, Sequence[float]]
    """The log probabilities of prompts' tokens, but the first."""

    async def still_hold(self, wire: Wire) -> list[str]:
        """Ask for everything once more, alone; what is wrong now."""
        problems = []
        for pair, expected in self.sums.items():
            answer = content(await wire.exchange(post(CHAT, question(*pair))))
            if not has_sum(answer, *pair):
                problems.append(f"alone again, {pair} is {answer!r} instead of {expected!r}")
        for prompt, expected_scores in self.scores.items():
            far = distance(await wire.exchange(post(TEXT, scoring(prompt))), expected_scores)
            if far > TOLERANCE:
                problems.append(f"alone again, the scores of {prompt[:40]!r} are {far:.2f} away")
        return problems


async def references(wire: Wire, random: Random, candidates: int) -> References:
    """Ask for everything alone, then several at once, and keep what stays the same.

    Rounding differs with the number of tokens in a batch, which can turn a small model's answer.
    """
    pairs = _pairs(random, candidates)
    rounds = [{pair: content(await _ask(wire, pair, cached=False)) for pair in pairs}]
    for cached in (False, True):
        random.shuffle(pairs)
        gate = asyncio.Semaphore(_AT_ONCE)

        async def ask(
            pair: tuple[int, int], cached: bool = cached, gate: asyncio.Semaphore = gate
        ) -> str:
            async with gate:
                return content(await _ask(wire, pair, cached=cached))

        answers = await asyncio.gather(*map(ask, pairs))
        rounds.append(dict(zip(pairs, answers, strict=True)))
    stable = {
        pair: rounds[0][pair]
        for pair in sorted(pairs)
        if len({answers[pair] for answers in rounds}) == 1 and has_sum(rounds[0][pair], *pair)
    }
    scores = {
        prompt: scored(await wire.exchange(post(TEXT, scoring(prompt)))) for prompt in _SCORED
    }
    return References(stable, candidates - len(stable), scores)


def _pairs(random: Random, count: int) -> list[tuple[int, int]]:
    """Numbers with sums that differ from each other and from all the numbers."""
    pairs: list[tuple[int, int]] = []
    taken: set[int] = set()
    while len(pairs) < count:
        first, second = random.randint(11, 480), random.randint(11, 480)
        numbers = {first, second, first + second}
        if len(numbers) == 3 and not numbers & taken:
            taken |= numbers
            pairs.append((first, second))
    return pairs


async def _ask(wire: Wire, pair: tuple[int, int], *, cached: bool) -> Reply:
    return await wire.exchange(post(CHAT, question(*pair) | {"cache_prompt": cached}))


def question(first: int, second: int) -> Json:
    """A greedy request for a sum."""
    messages = [{"role": "user", "content": f"What is {first} + {second}?"}]
    return {"messages": messages, "temperature": 0}


def has_sum(answer: str, first: int, second: int) -> bool:
    """Whether an answer has the sum as a number of its own."""
    return re.search(rf"(?<![\d.]){first + second}(?![\d]|\.\d)", answer) is not None


def scoring(prompt: str) -> Json:
    """A request for the log probabilities of a prompt's own tokens."""
    return {"prompt": prompt, "max_tokens": 0, "echo": True, "logprobs": 1}


def scored(reply: Reply) -> list[float]:
    """The log probabilities of all tokens but the first."""
    body: Any = parsed(reply.body)
    return list(body["choices"][0]["logprobs"]["token_logprobs"][1:])


def distance(reply: Reply, expected: Sequence[float]) -> float:
    """The mean difference from the expected log probabilities."""
    found = scored(reply)
    if len(found) != len(expected):
        return inf
    return fmean(abs(a - b) for a, b in zip(found, expected, strict=True))


def content(reply: Reply) -> str:
    """The answer's text, streamed or not; nothing of another reply."""
    if reply.status != 200:
        return ""
    body = parsed(reply.body)
    if body is not None:
        return str(body["choices"][0]["message"].get("content", ""))
    choices = whole(events(reply.body) or [])
    return str(choices[0]["message"].get("content", "")) if choices else ""
