"""``localqwq ask --samples N``: several thoughts about one prompt, and the answer most agree on."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from localqwq.evals.ballot import Ballot

if TYPE_CHECKING:
    from localqwq.cli.answer_output import AnswerPrinter
    from localqwq.client.chat_client import ChatClient
    from localqwq.client.options import ChatOptions
    from localqwq.reasoning.messages import Message


async def vote(
    client: ChatClient,
    messages: Sequence[Message],
    options: ChatOptions,
    samples: int,
    printer: AnswerPrinter,
    *,
    as_json: bool,
) -> None:
    """Print the answer that most of ``samples`` agree on, and on stderr how many."""
    ballot = Ballot(samples)
    winner = await ballot.draw(
        client, messages, options, lambda ballot: printer.status(ballot.vote.progress)
    )
    printer.end()
    if as_json:
        print(json.dumps(_document(ballot), ensure_ascii=False, indent=2))
        return
    print(winner.answer, flush=True)
    print("\n".join(ballot.vote.outcome), file=sys.stderr)


def _document(ballot: Ballot) -> dict[str, Any]:
    answers, winner = ballot.answers, ballot.winner
    return {
        "answer": winner.answer,
        "reasoning": winner.thought,
        "agreement": len(ballot.vote.groups[0].answers),
        "answers": ballot.vote.count,
        "votes": [
            {"result": group.result, "answers": [answers[place].answer for place in group.answers]}
            for group in ballot.vote.groups
        ],
        "completion_tokens": sum(
            answer.finish.usage.completion_tokens for answer in answers if answer.finish
        ),
    }
