"""A server with a script: what it answers to each problem and sample, by the seed.

Of five problems with two answers each, the same become of all suites: right twice; right and wrong;
right after a thought that was cut as a loop, and an answer that is one; right after a thought that
used up its budget, and one that reached the maximum of tokens; right after the connection broke,
and wrong after the server was busy. Six of ten are right.
"""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from localqwq.evals.attempt import Key
from localqwq.evals.problem import Problem
from tests.evals.made_suites import called, said
from tests.other_servers import Asked, Reply, listing, refusing

SAMPLES = 2
ROW = {
    "budget": None,
    "problems": 5,
    "samples": 10,
    "right": 6,
    "votes": 2,
    "thought_median": 55,
    "thought_most": 100,
    "out_of_budget": 0.1,
    "looping": 0.2,
    "unfinished": 0.1,
}
"""What a report says of each suite, besides its intervals and how answers are found in it."""


@dataclass
class Script:
    """What is answered, by the prompt and the seed."""

    suites: dict[str, list[Problem]]
    always_right: bool = False
    asked: Counter[int] = field(default_factory=Counter)
    """How often each seed was asked."""
    last: int | None = None
    """How many answers are given before everything is refused."""
    on_request: Callable[[int], object] = id
    """Called before each answer, with the number of those before."""

    def reply(self, asked: Asked) -> Reply:
        """Answer a request."""
        if asked.body is None:
            return listing("scripted")
        if self.last == self.asked.total():
            return refusing("403 Forbidden", {"error": {"message": "no more today"}})
        self.on_request(self.asked.total())
        place, sample, problem = self._known()[asked.body["seed"]]
        assert asked.body["messages"][-1]["content"] == problem.prompt
        self.asked[asked.body["seed"]] += 1
        again = self.asked[asked.body["seed"]] > 1
        right, wrong = (answer_to(problem, right=one) for one in (True, False))
        tokens = 10 * (2 * place + sample + 1)
        if self.always_right:
            return finished(right, tokens)
        match place, sample:
            case (0, _) | (1, 0):
                return finished(right, tokens)
            case (2, 0):
                return finished(right, tokens, thought="loop")
            case (2, 1):
                return finished({"content": "so so so"}, tokens, end="length", reason="loop")
            case (3, 0):
                return finished(right, tokens, thought="budget")
            case (3, 1):
                return finished({"content": ""}, tokens, end="length", thought="unfinished")
            case (4, 0):
                status, kind, pieces = finished(right, tokens)
                return status, kind, pieces if again else pieces[:1]
            case (4, 1) if not again:
                return refusing("503 Service Unavailable", {"error": {"message": "busy"}})
        return finished(wrong, tokens)

    def _known(self) -> dict[int, tuple[int, int, Problem]]:
        return {
            Key(name, problem.id, sample).seed: (place, sample, problem)
            for name, problems in self.suites.items()
            for place, problem in enumerate(problems)
            for sample in range(SAMPLES)
        }


def answer_to(problem: Problem, *, right: bool) -> dict[str, Any]:
    """A right or a wrong answer, as servers stream it."""
    if problem.kind == "calls":
        return {"tool_calls": [called(right=right)]}
    return {"content": said(problem, right=right)}


def finished(
    answer: dict[str, Any],
    tokens: int,
    *,
    end: str = "stop",
    thought: str = "closed",
    reason: str = "",
) -> Reply:
    """A streamed completion with a thought of so many tokens."""
    details = {"thought": thought, **({"reason": reason} if reason else {})}
    last: dict[str, Any] = {"delta": {}, "index": 0, "finish_reason": end}
    usage = {
        "completion_tokens": tokens + 5,
        "completion_tokens_details": {"reasoning_tokens": tokens},
    }
    chunks: list[dict[str, Any]] = [
        {"choices": [{"delta": {"reasoning_content": "Hm. "}, "index": 0}]},
        {"choices": [{"delta": answer, "index": 0}]},
        {"choices": [last | {"finish_details": details}], "usage": usage},
    ]
    pieces = [f"data: {json.dumps({'id': 'c-1'} | chunk)}\n\n".encode() for chunk in chunks]
    return "200 OK", "text/event-stream", [*pieces, b"data: [DONE]\n\n"]
