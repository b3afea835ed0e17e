"""What clients do to a server: one function per kind, each from its own random numbers."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any

from bench.soaking import bodies
from bench.soaking.api_scenarios import API_KINDS
from bench.soaking.bodies import CHAT, TEXT, Json
from bench.soaking.judge import judged, parsed
from bench.soaking.malformed import WRONG, huge_body
from bench.soaking.play import Play
from bench.soaking.references import (
    TOLERANCE,
    References,
    content,
    distance,
    has_sum,
    question,
    scoring,
)
from bench.soaking.wire import POLITE, Manner, Request, post

_RUSH = 64
"""Requests at once: more than a server with four places queues."""
_ID = re.compile(rb'"id":"(chatcmpl-[0-9a-f]+)"')
_OK = frozenset({200})


async def sums(play: Play, references: References) -> None:
    """A greedy sum among whatever else runs: it must be this one's, and nobody else's."""
    pair = play.random.choice(list(references.sums))
    body = question(*pair) | {"stream": play.random.random() < 0.5}
    body["cache_prompt"] = play.random.random() < 0.7
    reply = await play.complete(CHAT, body, _OK)
    if reply.status != 200 or not reply.complete:
        return
    answer = content(reply)
    if not has_sum(answer, *pair):
        play.wrong(f"the answer {answer!r} instead of {references.sums[pair]!r}", body)
    play.ledger.notes["sums answered"] += 1
    play.ledger.notes["sums word for word"] += answer == references.sums[pair]


async def scores(play: Play, references: References) -> None:
    """The log probabilities of a prompt are its own, whoever shares the batch."""
    prompt = play.random.choice(list(references.scores))
    reply = await play.complete(TEXT, scoring(prompt), _OK)
    if reply.status == 200 and reply.complete:
        far = distance(reply, references.scores[prompt])
        play.ledger.deviation = max(play.ledger.deviation, far)
        if far > TOLERANCE:
            play.wrong(f"log probabilities that are {far:.2f} off", scoring(prompt))


async def chat(play: Play, _: References) -> None:
    """Any chat."""
    await play.complete(CHAT, bodies.chat(play.random))


async def text(play: Play, _: References) -> None:
    """Any text completion."""
    await play.complete(TEXT, bodies.completion(play.random))


async def tools(play: Play, _: References) -> None:
    """A chat with tools; where the model calls one, it gets a result."""
    body = bodies.with_tools(play.random)
    reply = await play.complete(CHAT, body)
    whole = parsed(reply.body)
    if reply.status != 200 or body.get("stream") or not isinstance(whole, dict):
        return
    message = whole["choices"][0]["message"]
    if calls := message.get("tool_calls"):
        results = [{"role": "tool", "tool_call_id": call["id"], "content": "408"} for call in calls]
        body["messages"] += [message, *results]
        await play.complete(CHAT, body)


async def form(play: Play, _: References) -> None:
    """A chat whose answer has a form."""
    await play.complete(CHAT, bodies.with_format(play.random))


async def beyond(play: Play, _: References) -> None:
    """A prompt far beyond the context is refused under OpenAI's name for that."""
    body: Json = {"stream": play.random.random() < 0.5}
    words = bodies.beyond(play.random)
    if play.random.random() < 0.5:
        target = CHAT
        body["messages"] = [{"role": "user", "content": words}]
    else:
        target = TEXT
        body["prompt"] = [words, "Hello"] if play.random.random() < 0.5 else words
    reply = await play.complete(target, body, frozenset({400}))
    if reply.status == 400 and parsed(reply.body)["error"]["code"] != "context_length_exceeded":
        play.wrong(f"a refusal for another reason: {reply.body[:300]!r}", body)


async def conversation(play: Play, _: References) -> None:
    """Turns that follow each other, and others that go back to an earlier one."""
    random = play.random
    messages: list[Json] = []
    for _turn in range(random.randint(2, 5)):
        if len(messages) > 2 and random.random() < 0.4:
            del messages[random.randrange(0, len(messages), 2) :]
        messages.append({"role": "user", "content": bodies.text(random, 3)})
        body = {"messages": list(messages), "max_tokens": random.randint(20, 200)}
        body["stream"] = random.random() < 0.5
        reply = await play.complete(CHAT, body)
        if reply.status != 200:
            return
        messages.append({"role": "assistant", "content": content(reply)})


async def thought(play: Play, _: References) -> None:
    """A thought that is to end at once, or may go on, while it runs."""
    random = play.random
    body: Json = bodies.chat(random) | {"stream": True, "max_tokens": 200, "temperature": 5}
    body["reasoning_budget"] = random.choice((-1, 0, 3, 30))
    wanted = [random.choice(("answer", "budget")) for _ in range(random.randint(1, 3))]

    async def meddle(so_far: bytes) -> None:
        found = _ID.search(so_far)
        if found and wanted:
            what = wanted.pop()
            target = f"{CHAT}/{found[1].decode()}/{what}"
            value = {"reasoning_budget": random.choice((-1, 0, 10, 10_000))}
            request = Request("POST", target) if what == "answer" else post(target, value)
            await play.ask(request, frozenset({200, 404, 409}))

    await play.complete(CHAT, body, on_body=meddle)


async def gone(play: Play, _: References) -> None:
    """A client that goes away: within its request, before the reply, or within that."""
    random = play.random
    target, body = _any(random)
    manner = random.choice(
        (
            Manner(sent=random.random(), stays_s=random.random() * 0.05),
            Manner(read=0, stays_s=random.random() * 0.3),
            Manner(read=random.randint(1, 5000)),
            Manner(read=0, reset=True),
            Manner(read=random.randint(1, 5000), reset=True),
        )
    )
    await play.complete(target, body, manner=manner)


async def half_closed(play: Play, _: References) -> None:
    """A client that says it sends no more: it may get its reply, or an end."""
    target, body = _any(play.random)
    await play.complete(target, body, manner=Manner(half_close=True))


async def slow(play: Play, _: References) -> None:
    """A client that reads little at a time."""
    target, body = _any(play.random)
    body |= {"stream": True, "logprobs": 20 if target == TEXT else True}
    await play.complete(target, body, manner=Manner(slow=True))


async def pipelined(play: Play, _: References) -> None:
    """Several requests on one connection, the next ones sent before the first is answered."""
    asked = []
    for _request in range(play.random.randint(2, 4)):
        target, body = _any(play.random)
        request = post(target, body)
        asked.append(Request("POST", target, request.body, (("Connection", "keep-alive"),)))
    asked.append(Request("GET", "/health"))
    play.ledger.requests[play.kind] += len(asked)
    for request, reply in zip(asked, await play.wire.pipeline(asked), strict=True):
        play.count(reply, POLITE)
        for problem in judged(reply, {200, 400}):
            play.wrong(problem, request.body)


async def pages(play: Play, _: References) -> None:
    """What can be looked at."""
    for target in ("/v1/models", "/health", "/props", "/metrics", "/openapi.json"):
        await play.ask(Request("GET", target), _OK)


async def rush(play: Play, _: References) -> None:
    """More at once than are let in: some are told to come again."""
    random = play.random
    asked = []
    for _request in range(_RUSH):
        body: Any = bodies.chat(random, "Hello!") | {"ignore_eos": True, "max_tokens": 24}
        asked.append(play.complete(CHAT, body))
    async with play.ledger.rush:
        busy = [reply.status == 429 for reply in await asyncio.gather(*asked)]
    play.ledger.notes["refused as too many"] += sum(busy)


async def huge(play: Play, _: References) -> None:
    """More than the server reads."""
    wrong = huge_body(play.random)
    await play.ask(wrong.request, wrong.statuses)


def _wrong(kind: str) -> Callable[[Play, References], Awaitable[None]]:
    async def scenario(play: Play, _: References) -> None:
        wrong = WRONG[kind][1](play.random)
        await play.ask(wrong.request, wrong.statuses, form=wrong.form)

    return scenario


def _any(random: Random) -> tuple[str, Json]:
    match random.randrange(5):
        case 0 | 1:
            return TEXT, bodies.completion(random)
        case 2:
            return CHAT, bodies.with_tools(random)
        case _:
            return CHAT, bodies.chat(random)


Scenario = Callable[[Play, References], Awaitable[None]]

USUAL: dict[str, tuple[int, Scenario]] = {
    "sums": (14, sums),
    "scores": (4, scores),
    "chat": (16, chat),
    "text": (12, text),
    "tools": (5, tools),
    "form": (5, form),
    "beyond the context": (3, beyond),
    "conversation": (5, conversation),
    "thought": (5, thought),
    "gone": (12, gone),
    "half-closed": (3, half_closed),
    "slow": (2, slow),
    "pipelined": (2, pipelined),
    "pages": (2, pages),
} | {kind: (weight, _wrong(kind)) for kind, (weight, _) in WRONG.items()}
"""By kind: how often it comes, in parts of all."""
RARE: dict[int, tuple[str, Scenario]] = {40: ("huge body", huge), 80: ("rush", rush)}
"""What comes at this place of every hundred and fifty."""
ROUND = 150


def scenario(index: int, random: Random, *, apis: bool = False) -> tuple[str, Scenario]:
    """The kind that has this index, the same in every run; ``apis``: of all APIs."""
    if found := RARE.get(index % ROUND):
        return found
    usual = USUAL | API_KINDS if apis else USUAL
    kind = random.choices(list(usual), [weight for weight, _ in usual.values()])[0]
    return kind, usual[kind][1]
