"""Where thoughts end that run out of budget, and whether a budget can be changed in flight.

    python -m bench.thought_ends [--prompts 30] [--record]

The demo model adds numbers with budgets that are too small. For each thought that the budget
ended: is its last character the end of a sentence or a line, and how far beyond the budget is it?
The baseline is a hard cut of the same thoughts after as many tokens as the budget has. Then the
budget of running thoughts is raised by request, and it is counted how many go on. Counts, no
timings.
"""

import argparse
import json
import random
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from bench.recording import Figure, record
from bench.serving import serving

GRACE = 8
"""Tokens that the end of a sentence is waited for at least."""
ENDS = (".", "!", "?", "\n")


@dataclass(frozen=True, slots=True)
class Ended:
    """A thought that its budget ended."""

    at_sentence: bool
    cut_at_sentence: bool
    """Whether a hard cut would have been at the end of a sentence, too."""
    beyond: int
    """Tokens that it took beyond its budget."""


def prompts(count: int) -> Iterator[str]:
    """Sums, the same in each run."""
    rng = random.Random(0)
    for _ in range(count):
        yield f"What is {rng.randint(100, 400)} + {rng.randint(100, 400)}?"


def stream(client: httpx2.Client, prompt: str, budget: int) -> Iterator[dict[str, Any]]:
    """The chunks of a greedy answer."""
    body = {
        "messages": [{"role": "user", "content": prompt}],
        "temperature": 0,
        "max_tokens": 400,
        "reasoning_budget": budget,
        "reasoning_budget_message": "",
        "stream": True,
    }
    with client.stream("POST", "/v1/chat/completions", json=body) as response:
        response.raise_for_status()
        for line in response.iter_lines():
            if line.startswith("data: {"):
                yield json.loads(line.removeprefix("data: "))


def thought(client: httpx2.Client, prompt: str, budget: int) -> str:
    """The thought of an answer."""
    return "".join(
        choice["delta"].get("reasoning_content") or ""
        for chunk in stream(client, prompt, budget)
        for choice in chunk["choices"]
    )


def tokens(client: httpx2.Client, text: str) -> list[int]:
    """A text's tokens."""
    found: list[int] = client.post("/tokenize", json={"content": text}).json()["tokens"]
    return found


def text_of(client: httpx2.Client, ids: list[int]) -> str:
    """The text of tokens."""
    return str(client.post("/detokenize", json={"tokens": ids}).json()["content"])


def ended(client: httpx2.Client, prompt: str, budget: int) -> Ended | None:
    """What the budget did to the thought; None where it thought for less."""
    text = thought(client, prompt, -1)
    whole = tokens(client, text)
    ours = thought(client, prompt, budget)
    used = len(tokens(client, ours))
    if used >= len(whole):
        return None
    cut = text_of(client, whole[:budget])
    return Ended(is_end(text, ours), is_end(text, cut), used - budget)


def is_end(text: str, part: str) -> bool:
    """Whether a beginning of ``text`` ends with a sentence or line of it."""
    return part.endswith(ENDS) or text.startswith(f"{part}\n")


def goes_on(client: httpx2.Client, prompt: str, budget: int) -> bool:
    """Whether a thought is longer when its budget is lifted while it runs."""
    text, lifted = "", False
    for chunk in stream(client, prompt, budget):
        for choice in chunk["choices"]:
            text += choice["delta"].get("reasoning_content") or ""
        if text and not lifted:
            url = f"/v1/chat/completions/{chunk['id']}/budget"
            lifted = client.post(url, json={"reasoning_budget": -1}).status_code == 200
    return lifted and len(tokens(client, text)) > budget + GRACE


def main() -> None:
    """Ask, count, and print the counts."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--prompts", type=int, default=30)
    parser.add_argument("--record", action="store_true", help="keep the figures in bench/results")
    arguments = parser.parse_args()
    rng = random.Random(1)
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder)) as client:
        asked = [(prompt, rng.randint(20, 55)) for prompt in prompts(arguments.prompts)]
        found = [one for prompt, budget in asked if (one := ended(client, prompt, budget))]
        changed = [goes_on(client, prompt, 20) for prompt in prompts(20)]
    ours = sum(one.at_sentence for one in found)
    cut = sum(one.cut_at_sentence for one in found)
    furthest = max(one.beyond for one in found)
    print(f"{ours} of {len(found)} end at a sentence or line, {cut} of a hard cut;")
    print(f"at most {furthest} tokens beyond the budget")
    print(f"{sum(changed)} of {len(changed)} went on after their budget was lifted in flight")
    if arguments.record:
        figures = (
            Figure(
                "thoughts out of budget that end at a sentence or line", f"{ours} of {len(found)}",
                "cut at the budget", f"{cut} of {len(found)}",
            ),
            Figure("most tokens beyond the budget to get there", f"{furthest} tokens"),
            Figure(
                "thoughts that go on when their budget is lifted in flight",
                f"{sum(changed)} of {len(changed)}",
            ),
        )  # fmt: skip
        record(
            "thought_ends", "A thinking budget ends at a sentence", figures,
            command="python -m bench.thought_ends --record",
            model="demo",
            note="Greedy decoding, budgets of 20 to 55 tokens. The end of a sentence or line is "
            "waited for a quarter of the budget, 8 to 64 tokens.",
        )  # fmt: skip


if __name__ == "__main__":
    main()
