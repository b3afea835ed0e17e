"""The kinds of work whose speed is compared, and the figures of each."""

from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import pairwise

from bench.peer.servers import SENTENCE, SENTENCE_TOKENS, Messages, Server

LONG_PROMPT = 3200
"""Tokens, about."""
NEXT_MESSAGE = 512
"""Tokens of a message that is read after others, about."""
BEFORE = (512, 2048)
"""Tokens that are in the cache when it comes, about."""
ANSWER, EACH = 200, 100
"""Tokens of one answer alone, and of each of several."""
STREAMS = (2, 4, 8)

Figures = dict[str, float]
Work = Callable[[Server, int], Figures]
"""Take a server and the number of the round; no two rounds send the same prompt."""


KINDS = ("answer", "openai", "prompt", "message", "streams")


def works(kinds: Collection[str] = KINDS) -> Iterator[Work]:
    """Yield the works of these kinds."""
    if "answer" in kinds:
        yield one
    if "openai" in kinds:
        yield one_to_openai
    if "prompt" in kinds:
        yield long_prompt
    if "message" in kinds:
        for tokens in BEFORE:
            yield partial(next_message, before=tokens)
    if "streams" in kinds:
        for count in STREAMS:
            yield partial(streams, count=count)


def one(server: Server, number: int) -> Figures:
    """Return the tokens per second of one answer."""
    return {"one answer, tokens/s": server.answer(_story(f"{number}."), ANSWER).rate}


def one_to_openai(server: Server, number: int) -> Figures:
    """Return the same for OpenAI's client."""
    rate = server.answer_to_openai(_story(f"Number {number}."), ANSWER).rate
    return {"one answer, OpenAI's client, tokens/s": rate}


def long_prompt(server: Server, number: int) -> Figures:
    """Return the seconds to the first token after a prompt that nobody has sent before."""
    first_s = server.answer(_log(f"Log {number}.", LONG_PROMPT), 2).first_s
    return {"first token of a long prompt, s": first_s}


def next_message(server: Server, number: int, before: int) -> Figures:
    """Return the tokens per second of a long message that continues a conversation."""
    log = _log(f"Log {number} of {before}.", before)
    answer = {"role": "assistant", "content": server.answer(log, 2).text}
    first_s = server.answer([*log, answer, *_log("Go on.", NEXT_MESSAGE)], 2).first_s
    return {f"message read after {before:,} tokens, tokens/s": NEXT_MESSAGE / first_s}


def streams(server: Server, number: int, count: int) -> Figures:
    """Return the tokens per second of some answers at once, and the gaps between their events."""
    prompts = [
        f"{number}.{one} Tell me about ships, birds, weather and the sea" for one in range(count)
    ]
    with ThreadPoolExecutor(count) as pool:
        answers = list(pool.map(lambda prompt: server.answer(_user(prompt), EACH), prompts))
    began = min(answer.times[0] for answer in answers)
    ended = max(answer.times[-1] for answer in answers)
    gaps, shown = (
        sorted(b - a for one in times for a, b in pairwise(one))
        for times in ([one.times for one in answers], [one.shown for one in answers])
    )
    return {
        f"{count} answers at once, tokens/s": (count * EACH - count) / (ended - began),
        f"gap between events of {count}, 99 %, ms": 1000 * gaps[int(len(gaps) * 0.99)],
        f"gap between events of {count}, worst, ms": 1000 * gaps[-1],
        f"gap between visible texts of {count}, 99 %, ms": 1000 * shown[int(len(shown) * 0.99)],
    }


def _story(opening: str) -> Messages:
    return _user(f"{opening} Write a very long story about a lighthouse keeper and the sea.")


def _log(opening: str, tokens: int) -> Messages:
    return _user(f"{opening} {SENTENCE * (tokens // SENTENCE_TOKENS)}")


def _user(text: str) -> Messages:
    return [{"role": "user", "content": text}]
