"""What clients of the other APIs do: one function per kind, like those of ``scenarios``."""

import json

from bench.soaking import api_bodies, bodies
from bench.soaking.api_judge import answer_of, api_answered
from bench.soaking.judge import parsed
from bench.soaking.malformed import anything
from bench.soaking.play import Play
from bench.soaking.references import References, has_sum
from bench.soaking.wire import POLITE, Manner, Reply, Request, post

Json = bodies.Json
_FINE = frozenset({200})
_MAYBE = frozenset({200, 400})


async def responses(play: Play, _: References) -> None:
    """A response; if it is stored, it is often read, continued and deleted."""
    random = play.random
    body = api_bodies.response(random)
    reply = await ask_api(play, api_bodies.RESPONSES, body)
    found = parsed(reply.body)
    if reply.status != 200 or not isinstance(found, dict) or body.get("store") is False:
        return
    stored = f"{api_bodies.RESPONSES}/{found['id']}"
    if random.random() < 0.5:
        read = await play.ask(Request("GET", stored), _FINE)
        if parsed(read.body) != found:
            play.wrong("what is stored is not what was told", body)
    if random.random() < 0.5:
        more = api_bodies.response(random) | {"previous_response_id": found["id"]}
        await ask_api(play, api_bodies.RESPONSES, more)
    if random.random() < 0.7:
        await play.ask(Request("DELETE", stored), _FINE)


async def messages(play: Play, _: References) -> None:
    """A message."""
    await ask_api(play, api_bodies.MESSAGES, api_bodies.messages(play.random))


async def ollama(play: Play, _: References) -> None:
    """A chat or a prompt of Ollama's."""
    target = play.random.choice((api_bodies.OLLAMA_CHAT, api_bodies.OLLAMA_GENERATE))
    await ask_api(play, target, api_bodies.any_body(play.random, target))


async def sums(play: Play, references: References) -> None:
    """A greedy sum through any of these APIs: it must be this one's, and nobody else's."""
    first, second = play.random.choice(list(references.sums))
    words = f"What is {first} + {second}?"
    target = play.random.choice(api_bodies.TARGETS)
    body: Json
    match target:
        case "/v1/responses":
            body = {"input": words, "store": False}
        case "/v1/messages":
            body = {"messages": [{"role": "user", "content": words}], "max_tokens": 500}
        case "/api/chat":
            body = {"messages": [{"role": "user", "content": words}], "stream": False}
        case _:
            body = {"prompt": words, "stream": False}
    if target.startswith("/api/"):
        body["options"] = {"temperature": 0, "num_predict": 500}
    else:
        body["temperature"] = 0
    reply = await ask_api(play, target, body, _FINE)
    if reply.status == 200 and reply.complete:
        answer = answer_of(target, reply)
        if not has_sum(answer, first, second):
            play.wrong(f"the answer {answer!r}", body)
        play.ledger.notes["sums of other APIs"] += 1


async def counts(play: Play, _: References) -> None:
    """How many tokens a prompt has."""
    responses = api_bodies.response(play.random)
    messages = api_bodies.messages(play.random)
    await play.ask(post(f"{api_bodies.RESPONSES}/input_tokens", responses), _MAYBE)
    await play.ask(post(f"{api_bodies.MESSAGES}/count_tokens", messages), _MAYBE, form=False)


async def wrong_types(play: Play, _: References) -> None:
    """One or two fields hold anything."""
    random = play.random
    target = random.choice(api_bodies.TARGETS)
    body = api_bodies.any_body(random, target)
    for name in random.sample(sorted(body), min(len(body), random.choice((1, 2)))):
        body[name] = anything(random)
    request = post(target, body)
    reply = await play.ask(request, _MAYBE, form=False)
    if reply.complete and reply.status >= 400:
        for problem in api_answered(target, body, reply):
            play.wrong(problem, request.body)


async def gone(play: Play, _: References) -> None:
    """A client that goes away within its request, before the reply, or within that."""
    random = play.random
    target = random.choice(api_bodies.TARGETS)
    manner = random.choice(
        (
            Manner(sent=random.random(), stays_s=random.random() * 0.05),
            Manner(read=0, stays_s=random.random() * 0.3),
            Manner(read=random.randint(1, 3000), reset=random.random() < 0.5),
        )
    )
    await ask_api(play, target, api_bodies.any_body(random, target), manner=manner)


async def lists(play: Play, _: References) -> None:
    """What can be looked at."""
    for target in ("/api/tags", "/api/ps", "/api/version", "/"):
        await play.ask(Request("GET", target), _FINE)
    reply = await play.ask(post("/api/embed", {"input": "x"}), frozenset({404}), form=False)
    if reply.complete and reply.status == 404:
        for problem in api_answered("/api/embed", {}, reply):
            play.wrong(problem)


async def ask_api(
    play: Play,
    target: str,
    body: Json,
    statuses: frozenset[int] = _MAYBE,
    manner: Manner = POLITE,
) -> Reply:
    """Ask, and judge the reply if there is a whole one."""
    request = Request("POST", target, json.dumps(body).encode())
    reply = await play.ask(request, statuses, manner=manner, form=False)
    if reply.complete and not manner.leaves and reply.status in {*statuses, 429}:
        for problem in api_answered(target, body, reply):
            play.wrong(problem, request.body)
    return reply


API_KINDS = {
    "responses": (14, responses),
    "messages": (12, messages),
    "ollama": (14, ollama),
    "sums of other APIs": (10, sums),
    "counts": (3, counts),
    "wrong types there": (8, wrong_types),
    "gone there": (10, gone),
    "lists": (3, lists),
}
"""By kind: how often it comes, in parts of all."""
