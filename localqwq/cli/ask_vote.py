"""``localqwq ask --samples N``: several thoughts about one prompt, and the answer most agree on."""

from __future__ import annotations

import asyncio
import json
import random
import sys
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from localqwq.client.collected import Collected
from localqwq.evals.mathematics import Mathematics
from localqwq.evals.vote import Group, Vote

if TYPE_CHECKING:
    from localqwq.cli.answer_output import AnswerPrinter
    from localqwq.client.client import Client
    from localqwq.client.options import ChatOptions
    from localqwq.reasoning.messages import Message

_SEEDS = 2**31
_LONGEST = 60
"""Characters of a result in a line."""


async def vote(
    client: Client,
    messages: Sequence[Message],
    options: ChatOptions,
    samples: int,
    printer: AnswerPrinter,
    *,
    as_json: bool,
) -> None:
    """Print the answer that most of ``samples`` agree on, and on stderr how many.

    The answers have the seed of the options and those after it. What cannot change the outcome any
    more is not awaited.
    """
    first = random.randrange(_SEEDS) if options.seed is None else options.seed
    answers: list[Collected] = []
    counting = asyncio.Lock()
    with Mathematics() as mathematics:
        count = Vote(samples, mathematics.same_value if mathematics.is_installed else None)

        async def draw(place: int) -> None:
            collected = Collected()
            wanted = replace(options, seed=first + place)
            async with aclosing(client.chat(messages, wanted)) as events:
                async for event in events:
                    collected.take(event)
            async with counting:  # an answer's place is the same in both
                answers.append(collected)
                await asyncio.to_thread(count.add, collected.answer)
                printer.status(_progress(count, samples))

        await _until_decided(count, [asyncio.create_task(draw(place)) for place in range(samples)])
    printer.end()
    winner = answers[count.groups[0].answers[0]]
    if as_json:
        print(json.dumps(_document(count, answers, winner), ensure_ascii=False, indent=2))
        return
    print(winner.answer, flush=True)
    print("\n".join(_outcome(count, samples)), file=sys.stderr)


async def _until_decided(count: Vote, tasks: list[asyncio.Task[None]]) -> None:
    """Wait for the answers that matter, and end the others; raises what one of them raised."""
    try:
        for finished in asyncio.as_completed(tasks):
            await finished
            if count.is_decided:
                return
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _progress(count: Vote, samples: int) -> str:
    most = len(count.groups[0].answers)
    return f"{count.count} of {samples} answers, {most} agree"


def _outcome(count: Vote, samples: int) -> list[str]:
    first, *others = count.groups
    agreeing = len(first.answers)
    if agreeing == 1 and count.count > 1:
        return [f"No two of {count.count} answers agree; this is the first one."]
    early = "" if count.count == samples else f"; {samples - count.count} more were not needed"
    lines = [f"{agreeing} of {count.count} answers agree{early}."]
    lines += [f"{len(group.answers)} of them: {_short(group)}" for group in others]
    return lines


def _short(group: Group) -> str:
    text = " ".join(group.result.split()) or "no answer"
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _document(count: Vote, answers: Sequence[Collected], winner: Collected) -> dict[str, Any]:
    return {
        "answer": winner.answer,
        "reasoning": winner.thought,
        "agreement": len(count.groups[0].answers),
        "answers": count.count,
        "votes": [
            {"result": group.result, "answers": [answers[place].answer for place in group.answers]}
            for group in count.groups
        ],
        "completion_tokens": sum(
            answer.finish.usage.completion_tokens for answer in answers if answer.finish
        ),
    }
